import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mariadb'

/** A MariaDB server of tests, reachable over a Unix socket only. */
export type MariadbServer = {
  readonly pid: number
  /** `mariadb://` URL of a database on this server. */
  url(database: string): string
  stop(graceMs?: number): Promise<void>
}

const programs = ['/usr/sbin/mariadbd', '/usr/bin/mariadb-install-db']
const startLimitMs = 30_000
const settings = [
  '--skip-networking',
  '--innodb-buffer-pool-size=64M',
  '--innodb-log-file-size=64M',
  '--skip-log-bin',
]

/** @returns why there can be no server here */
export function mariadbMissing(): string | false {
  return programs.every((program) => existsSync(program))
    ? false
    : 'there is no MariaDB here: apt-get install mariadb-server'
}

/** Makes the folder of a server that has no database of anybody's yet. */
export function layMariadb(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const options = ['--no-defaults', `--datadir=${join(path, 'data')}`, '--skip-test-db']
  execFileSync(programs[1] ?? '', [...options, asMyself(), '--auth-root-authentication-method=normal'], {
    stdio: 'ignore',
  })
}

/** Starts a server in a folder that was laid. @throws Error with what it said when it does not come up */
export async function startMariadb(path: string, more: readonly string[] = []): Promise<MariadbServer> {
  const socket = join(path, 's')
  const child = spawn(
    programs[0] ?? '',
    [
      ...['--no-defaults', `--datadir=${join(path, 'data')}`, `--socket=${socket}`, asMyself()],
      ...[`--pid-file=${join(path, 'pid')}`, ...settings, ...more],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  )
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000)
  })
  const deadline = performance.now() + startLimitMs
  while (!(await answers(socket))) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`MariaDB did not start in ${path}: ${said}`)
    await sleep(50)
  }
  return {
    pid: child.pid ?? 0,
    url: (database) => `mariadb://root@localhost/${database}?socket=${encodeURIComponent(socket)}`,
    stop: (graceMs = 10_000) => stop(child, graceMs),
  }
}

/** Root, too, only when it is told to. */
const asMyself = () => `--user=${userInfo().username}`

async function answers(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false
  try {
    const connection = await createConnection({ socketPath: socket, user: 'root', connectTimeout: 2_000 })
    await connection.end()
    return true
  } catch {
    return false
  }
}

async function stop(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await ended
  clearTimeout(timer)
}
