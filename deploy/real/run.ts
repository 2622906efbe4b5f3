import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { main as octavo } from '../../src/main.ts'
import { stopSignal } from '../../src/process/stop-signal.ts'
import { ToolsUnavailable } from '../../test/clusters/tools.ts'
import { prepareS3 } from '../../test/support/versitygw/prepare.ts'
import type { PartsReport } from './hold-parts.ts'
import { endLeftBehind, folderVariable } from './left-behind.ts'

const packages: Readonly<Record<string, string>> = {
  '/usr/lib/rabbitmq/bin/rabbitmq-server': 'rabbitmq-server',
  '/usr/bin/redis-server': 'redis-server',
  '/usr/sbin/mariadbd': 'mariadb-server',
}

/**
 * `npm run real [-- --demo on|off]`: starts RabbitMQ, an S3 server, Redis, MariaDB and the store on them as processes on
 * this machine, and stops all of it on Ctrl-C. What they have is kept in `real/` of the data folder.
 * @returns the exit code
 */
export async function main(args: string[]): Promise<number> {
  const stop = stopSignal()
  if (!(await install())) return 1
  const { dataPath } = readConfig(process.env)
  say('Starting MariaDB, RabbitMQ, an S3 server and Redis …')
  const parts = startParts(resolve(dataPath, 'real'))
  stop.addEventListener('abort', () => say('The store stops first, then what it works on.'), { once: true })
  try {
    const report = await Promise.race([parts.report, aborted(stop)])
    if (report === undefined || stop.aborted) return 0
    if (report.kind === 'failed') {
      console.error(`octavo: the parts do not start: ${report.error}`)
      return 1
    }
    for (const [name, address] of Object.entries(report.addresses)) say(`${name.padEnd(9)} ${address}`)
    Object.assign(process.env, { ...report.env, ...process.env })
    return await octavo(['start', ...args])
  } finally {
    await parts.end()
    say('MariaDB, RabbitMQ, the S3 server and Redis have stopped.')
  }
}

function startParts(folder: string) {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, 'hold-parts.ts'), folder], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true,
    env: { ...process.env, [folderVariable]: folder },
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const report = new Promise<PartsReport>((resolve) => {
    child.once('message', (message) => resolve(message as PartsReport))
    void exited.then(() => resolve({ kind: 'failed', error: 'the process that holds them has ended' }))
  })
  return {
    report,
    async end() {
      if (child.connected) child.disconnect()
      await exited
      // Nothing, unless it was killed.
      await endLeftBehind(folder)
    },
  }
}

/** @returns whether all is there that the parts are made of */
async function install(): Promise<boolean> {
  if (!installPackages()) return false
  try {
    await prepareS3(say)
    return true
  } catch (error) {
    if (!(error instanceof ToolsUnavailable)) throw error
    console.error(`octavo: the S3 server is built from source: ${error.message}`)
    return false
  }
}

function installPackages(): boolean {
  const missing = Object.entries(packages).flatMap(([path, name]) => (existsSync(path) ? [] : [name]))
  if (missing.length === 0) return true
  const isDebian = existsSync('/usr/bin/apt-get')
  if (!isDebian || process.getuid?.() !== 0) {
    console.error(
      `octavo: this needs ${missing.join(', ')}. As root on Debian: apt-get install ${missing.join(' ')}`,
    )
    return false
  }
  say(`Installing ${missing.join(', ')} …`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  execFileSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore' })
  const quiet = ['install', '-y', '-qq', '--no-install-recommends']
  execFileSync('apt-get', [...quiet, ...missing], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  return true
}

const say = (text: string) => console.log(text)

const aborted = (signal: AbortSignal) =>
  new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
