// Finds a Chromium for the journeys, and on a Debian machine as root installs one.
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run, SetUpError, say } from './set-up.mjs'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const elsewhere = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** @returns its path. @throws SetUpError when there is none and none can be installed */
export async function findChromium() {
  const found = look()
  if (found) return found
  if (existsSync('/etc/debian_version') && process.getuid?.() === 0) {
    say('Installing Chromium for the tests that use a browser …')
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    await run('apt-get update', 'apt-get', ['update', '-qq'], { env })
    await run(
      'apt-get install chromium',
      'apt-get',
      ['install', '-y', '-qq', '--no-install-recommends', 'chromium'],
      { env },
    )
    const installed = look()
    if (installed) return installed
  }
  throw new SetUpError(
    'the tests need Chromium: install it (on Debian: apt-get install chromium), or name it by CHROMIUM=/path',
  )
}

function look() {
  if (process.env.CHROMIUM) {
    if (isProgram(process.env.CHROMIUM)) return process.env.CHROMIUM
    throw new SetUpError(`CHROMIUM is "${process.env.CHROMIUM}", which is not a program`)
  }
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/snap/bin']
  return [...folders.flatMap((folder) => names.map((name) => join(folder, name))), ...elsewhere].find(
    isProgram,
  )
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
