// Installs the packages of package-lock.json, when they are not there already.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  fingerprint,
  octavoNode,
  readStamp,
  root,
  run,
  say,
  systemEnvironment,
  writeStamp,
} from './set-up.mjs'

const stamp = 'node_modules/.octavo-installed'

export async function installPackages() {
  const wanted = fingerprint(['package-lock.json'])
  if (readStamp(stamp) === wanted && existsSync(octavoNode)) return
  if (!matchesLock()) {
    const startedMs = Date.now()
    say('Installing packages (at the first start and after an update) …')
    await install()
    say(`Installed in ${((Date.now() - startedMs) / 1000).toFixed(0)} s.`)
  }
  writeStamp(stamp, wanted)
}

/**
 * Installs aside, and then takes the place of what is there: a running store still loads from it, and an install that
 * fails leaves it whole.
 */
async function install() {
  const aside = join(root, 'dist', 'packages')
  rmSync(aside, { recursive: true, force: true })
  mkdirSync(aside, { recursive: true })
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(root, file), join(aside, file))
  const options = { cwd: aside, env: systemEnvironment() }
  const quietly = ['--no-audit', '--no-fund', '--loglevel=error']
  // All of them, whatever NODE_ENV says: the pages are built with the ones for development.
  const all = ['--include=dev', '--include=optional']
  // No script runs on its own, whichever npm this is: some packages only count installations by theirs.
  await run('npm ci', 'npm', ['ci', '--ignore-scripts', ...all, ...quietly], options)
  await run('npm rebuild', 'npm', ['rebuild', ...withScripts(aside), ...quietly], options)
  const [there, before] = [join(root, 'node_modules'), join(aside, 'before')]
  if (existsSync(there)) renameSync(there, before)
  renameSync(join(aside, 'node_modules'), there)
  rmSync(aside, { recursive: true, force: true })
}

/** The packages of this platform that need their scripts, as package.json lists them. */
function withScripts(folder) {
  const { allowScripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return Object.keys(allowScripts).filter(
    (name) => allowScripts[name] && existsSync(join(folder, 'node_modules', name)),
  )
}

/** Whether what is installed is what the lock file asks for, as far as npm's own record of it says. */
function matchesLock() {
  if (!existsSync(octavoNode)) return false
  try {
    const { packages: wanted } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
    const { packages: there } = JSON.parse(
      readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8'),
    )
    return Object.entries(wanted).every(
      ([path, { version, optional, peer }]) =>
        path === '' || there[path]?.version === version || (there[path] === undefined && (optional || peer)),
    )
  } catch {
    return false
  }
}
