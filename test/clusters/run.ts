import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { prepareDefinitions } from './definitions.ts'
import { enterClusterNetwork } from './enter.ts'
import { exitCodeOf, prepareTools, type ToolName } from './tools.ts'

const say = (text: string) => console.log(text)

/** Those of `npm run test:clusters`, one after the other. */
const quick = ['chart', 'discovery', 'leases', 'node', 'fleet', 'fleet-approvals']
/** Those that build images or tell long stories: with `--long`, after the others. */
const long = [
  'image',
  'store',
  'changes',
  'many-pods',
  'operators',
  'fleet-stores',
  'fleet-losses',
  'fleet-databases',
]
/** What some of those need beside the usual tools. */
const extraTools: Readonly<Record<string, readonly ToolName[]>> = {
  'many-pods.test.ts': ['kwok'],
  'operators.test.ts': ['cloudnative-pg'],
  'fleet-databases.test.ts': ['cloudnative-pg'],
}
const limitMs = { quick: 5 * 60_000, long: 20 * 60_000 }
/** So much earlier than the file is killed its own tests are stopped, and say which of them it was. */
const reportMs = 20_000

/**
 * `npm run test:clusters [-- --long | FILE …]`: makes what is not in the cache of the tools yet, and runs test files of
 * test/clusters, each in a network of its own. `--prepare` stops before the tests.
 * @returns the exit code
 */
export async function main(args: string[]): Promise<number> {
  const options = { long: { type: 'boolean' }, prepare: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const asked = positionals.map((path) => resolve(path))
  const files = asked.length > 0 ? asked : [...quick, ...(values.long ? long : [])].map(fileOf)
  if (process.env.OCTAVO_CLUSTER_NETWORK === 'entered') return runTests(files)
  const unknown = files.find((file) => !existsSync(file))
  if (unknown !== undefined) {
    console.error(`octavo: there is no ${unknown}`)
    return 2
  }
  return await exitCodeOf(async () => {
    await prepareTools(say, { extra: files.flatMap((file) => extraTools[basename(file)] ?? []) })
    // Inside there is no way to fetch anything.
    await prepareDefinitions()
    if (values.prepare) return 0
    let code = 0
    for (const file of files) code = (await runFile(file)) || code
    return code
  })
}

const fileOf = (name: string) => join(import.meta.dirname, `${name}.test.ts`)
const limitOf = (file: string) => (long.map(fileOf).includes(file) ? limitMs.long : limitMs.quick)

/** Runs one file where whatever it starts ends with it, also when it has to be killed because it takes too long. */
async function runFile(file: string): Promise<number> {
  const limit = limitOf(file)
  const inside = enterClusterNetwork(process.execPath, [import.meta.filename, file])
  const timer = setTimeout(() => {
    console.error(`octavo: ${file} was ended after ${limit / 60_000} minutes`)
    inside.kill('SIGKILL')
  }, limit)
  return new Promise((done, fail) => {
    inside.once('error', fail)
    inside.once('exit', (code) => {
      clearTimeout(timer)
      done(code ?? 1)
    })
  })
}

async function runTests(files: string[]): Promise<number> {
  const path = join(import.meta.dirname, '..', '..', 'bin', 'test.mjs')
  const { main: run } = (await import(path)) as {
    main(args: string[], options: { limitMs: number }): Promise<number>
  }
  return run(files, { limitMs: Math.min(...files.map(limitOf)) - reportMs })
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)))
