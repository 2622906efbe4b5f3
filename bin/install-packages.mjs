// Installs the packages of package-lock.json, when they are not there already.
import { existsSync, readFileSync } from 'node:fs'
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
    // All of them, whatever NODE_ENV says: the pages are built with the ones for development.
    // Not `npm ci`: it refuses a lock file made where the packages of other platforms were out of reach, and it takes
    // away what a running store still loads. The lock file's versions are installed all the same.
    const args = ['install', '--no-save', '--include=dev', '--include=optional', '--no-audit', '--no-fund']
    await run('npm install', 'npm', [...args, '--loglevel=error'], { env: systemEnvironment() })
    say(`Installed in ${((Date.now() - startedMs) / 1000).toFixed(0)} s.`)
  }
  writeStamp(stamp, wanted)
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
