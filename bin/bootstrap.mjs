// The way from a fresh clone to a running command, on any Node from 20 on and with no package installed.
// `node bin/bootstrap.mjs build|check|test [arguments]` is what the npm scripts call.
import { spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildPages } from './build-pages.mjs'
import { installPackages } from './install-packages.mjs'
import { isMain, octavoNode, root, SetUpError, say, withSetUpLock } from './set-up.mjs'

const oldestNode = 20

/** Runs `octavo <args>`, on the packages and pages of this checkout. */
export async function octavo(args) {
  // Only the gateway shows pages.
  const serves =
    args.length === 0 || args[0] === 'start' || (args[0] === 'serve' && /\bgateway\b/.test(args.join()))
  await orExplain(async () => {
    await setUp({ pages: serves })
    return runOnOctavoNode(join(root, 'src', 'main.ts'), args)
  })
}

/** Makes sure that packages are installed and, when asked for, pages built. Says nothing when they are. */
async function setUp({ pages }) {
  const major = Number(process.versions.node.split('.')[0])
  if (major < oldestNode)
    throw new SetUpError(
      `Octavo needs Node ${oldestNode} or later to set itself up; this is ${process.version}`,
    )
  await withSetUpLock(async () => {
    await installPackages()
    if (pages) await buildPages()
  })
}

/** Runs a module's `main(args)` on Octavo's own Node: in this process when that is the one, else in a child. */
async function runOnOctavoNode(path, args) {
  // What is compiled once needs not be compiled again: a faster start, and less memory.
  process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules', '.cache', 'node')
  if (realpathSync(process.execPath) === realpathSync(octavoNode)) {
    nodeModule.enableCompileCache?.()
    const { main } = await import(pathToFileURL(path).href)
    return main(args)
  }
  // The channel is for the child to notice when this process is killed.
  const child = spawn(octavoNode, [join(root, 'bin', 'run-main.mjs'), path, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)))
  })
}

async function orExplain(work) {
  try {
    process.exit(await work())
  } catch (error) {
    console.error(error instanceof SetUpError ? `octavo: ${error.message}` : error)
    process.exit(1)
  }
}

const tasks = {
  build: async () => {
    await withSetUpLock(() => buildPages())
    say('The pages are built.')
    return 0
  },
  check: (args) => runOnOctavoNode(join(root, 'bin', 'check.mjs'), args),
  test: (args) => runOnOctavoNode(join(root, 'bin', 'test.mjs'), args),
  'test-parts': (args) =>
    runOnOctavoNode(join(root, 'bin', 'test.mjs'), args.length > 0 ? args : ['--parts']),
  image: async (args) => {
    await withSetUpLock(() => buildPages())
    return runOnOctavoNode(join(root, 'deploy', 'image', 'build.ts'), args)
  },
  cluster: async (args) => {
    await withSetUpLock(() => buildPages())
    return runOnOctavoNode(join(root, 'test', 'clusters', 'show.ts'), args)
  },
  'test-clusters': async (args) => {
    // Here, where other commands are seen: the tests run where no other process is.
    if (!args.includes('--prepare')) await withSetUpLock(() => buildPages())
    return runOnOctavoNode(join(root, 'test', 'clusters', 'run.ts'), args)
  },
  // The whole store on real parts.
  real: (args) => runOnOctavoNode(join(root, 'deploy', 'real', 'run.ts'), args),
  // The S3 server of the tests.
  'prepare-s3': () => runOnOctavoNode(join(root, 'test', 'support', 'versitygw', 'prepare.ts'), []),
  // The collector and the check of dashboards of the tests.
  'prepare-monitoring': () =>
    runOnOctavoNode(join(root, 'test', 'support', 'monitoring-tools', 'prepare.ts'), []),
  dashboards: () => runOnOctavoNode(join(root, 'deploy', 'monitoring', 'dashboards', 'write.ts'), []),
}

if (isMain(import.meta.url)) {
  const [name = '', ...args] = process.argv.slice(2)
  const task = tasks[name]
  if (!task) {
    console.error(`usage: node bin/bootstrap.mjs ${Object.keys(tasks).join('|')}`)
    process.exit(2)
  }
  await orExplain(async () => {
    // The tests build the pages themselves, when those chosen need them.
    await setUp({ pages: ['check', 'real'].includes(name) })
    return task(args)
  })
}
