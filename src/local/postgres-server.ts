import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import {
  findPostgres,
  handOver,
  type PostgresPrograms,
  PostgresUnavailable,
  runnable,
} from './postgres-binaries.ts'
import { ready } from './postgres-ready.ts'
import { commandLine, endProcess, identify, killAllIn, type ProcessIdentity } from './process-identity.ts'

export type PostgresOptions = {
  /** Folder of this server; holds `data/` (the cluster) and `socket/`. Made when missing. */
  path: string
  /** Password of the only role, `octavo`. */
  password: string
  /** Server settings over the ones below, e.g. `{ fsync: 'off' }`. */
  settings?: Readonly<Record<string, string>>
  /** Whether the cluster is made when it is missing; otherwise that is a failure. It is when nothing is said. */
  mayMake?: boolean
  /** Called with each line the server writes. */
  log?: (line: string) => void
  /** Gives up a start that is under way. */
  signal?: AbortSignal
  /** Called when the server ends without being asked to. */
  onExit?: (reason: string) => void
}

/** A running PostgreSQL server, reachable over a unix socket only. Disposing it is `stop()`. */
export type PostgresServer = AsyncDisposable & {
  readonly pid: number
  /** `postgres://` URL of a database on this server. */
  url(database: string): string
  /** Creates the database unless it exists. */
  ensureDatabase(database: string): Promise<void>
  /** Fast shutdown; insists after `graceMs` (an immediate shutdown, which loses nothing that was committed). */
  stop(graceMs?: number): Promise<void>
}

// Small memory, few wake-ups when idle: two of these share a laptop with everything else.
const settings: Readonly<Record<string, string>> = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  port: '5432',
  max_connections: '100',
  max_prepared_transactions: '64',
  shared_buffers: '64MB',
  min_wal_size: '256MB',
  max_wal_size: '1GB',
  // An archive that is away or full may not fill this disk as well.
  max_slot_wal_keep_size: '1GB',
  ...{ io_method: 'sync', jit: 'off', max_parallel_workers_per_gather: '0' },
  autovacuum_max_workers: '2',
  log_min_messages: 'fatal',
  max_logical_replication_workers: '0',
  log_line_prefix: '',
  log_checkpoints: 'off',
  log_autovacuum_min_duration: '-1',
}

const initLimitMs = 60_000
const restartsMax = 50
/** Unix socket paths end at 107 bytes on Linux and 103 on macOS; `/.s.PGSQL.5432.lock` needs some of them. */
const socketPathBytesMax = 80

/**
 * Starts a PostgreSQL server in `options.path`, making the cluster at first use. A server that an earlier, killed
 * Octavo left running there is stopped cleanly first.
 * @throws PostgresUnavailable when it cannot run here; the message holds what PostgreSQL said
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const programs = findPostgres()
  const cluster = join(options.path, 'data')
  const socket = makeFolders(options.path, programs)
  await stopOrphan(cluster)
  if (!existsSync(join(cluster, 'PG_VERSION'))) {
    if (options.mayMake === false) throw new PostgresUnavailable(`there is no database in ${cluster}`)
    await initCluster(programs, options, cluster)
  }

  const flags = Object.entries({ ...settings, unix_socket_directories: socket, ...options.settings })
  const args = ['-D', cluster, ...flags.flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  const { child, ended } = await launchServer(programs, args, cluster, options)
  let stopping = false
  ended.then((reason) => stopping || options.onExit?.(reason))

  const url = (database: string) => urlOf(database, options.password, [socket])
  const stop = async (graceMs = 5000) => {
    stopping = true
    await stopChild(child, ended, graceMs)
    if (!socket.startsWith(options.path)) rmSync(socket, { recursive: true, force: true })
  }
  return {
    pid: child.pid ?? 0,
    url,
    ensureDatabase: (database) => ensureDatabase(url('postgres'), database),
    stop,
    [Symbol.asyncDispose]: () => stop(),
  }
}

/** @param sockets the folders of one server's socket, or of several servers' */
export function urlOf(database: string, password: string, sockets: readonly string[]): string {
  const hosts = sockets.map(encodeURIComponent).join(',')
  return `postgres://octavo:${encodeURIComponent(password)}@localhost/${database}?host=${hosts}`
}

/** Stops the server that still runs on this cluster, if any, and forgets a pid file nobody stands behind. */
export async function stopOrphan(cluster: string): Promise<void> {
  const identity = serverOn(cluster)
  if (identity) await endProcess(identity, 'SIGINT', 10_000)
  // Sessions that are frozen outlive it, and hold its memory.
  await killAllIn(cluster, /postgres/)
  rmSync(join(cluster, 'postmaster.pid'), { force: true })
}

/** The server that runs on this cluster, whoever has started it. */
export function serverOn(cluster: string): ProcessIdentity | undefined {
  const pidFile = join(cluster, 'postmaster.pid')
  if (!existsSync(pidFile)) return undefined
  const [pid = '', folder = ''] = readFileSync(pidFile, 'utf8').split('\n')
  const command = commandLine(Number(pid))
  const isOurs = folder === cluster && /postgres/.test(command) && command.includes(cluster)
  return isOurs ? identify(Number(pid)) : undefined
}

/** Where the server in this folder has its socket. */
export function socketFolder(path: string): string {
  const socket = join(path, 'socket')
  if (Buffer.byteLength(socket) <= socketPathBytesMax) return socket
  const name = createHash('sha256').update(path).digest('hex').slice(0, 12)
  return join(tmpdir(), `octavo-${name}`)
}

/** Makes the folders of a server, private to its user; returns the one for the socket. */
function makeFolders(path: string, programs: PostgresPrograms): string {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const socket = socketFolder(path)
  mkdirSync(socket, { recursive: true, mode: 0o700 })
  handOver(programs, [path, socket])
  return socket
}

async function initCluster(programs: PostgresPrograms, options: PostgresOptions, cluster: string) {
  const passwordFile = join(options.path, 'password.tmp')
  writeFileSync(passwordFile, options.password, { mode: 0o600 })
  if (programs.runAs.kind === 'user') chownSync(passwordFile, programs.runAs.uid, programs.runAs.gid)
  // A cluster half made by a start that was killed would look finished: make it aside, then rename.
  const making = `${cluster}.making`
  let said = ''
  try {
    // Case and letters follow Unicode everywhere; which name the C library gives its UTF-8 locale differs.
    for (const locale of ['C.UTF-8', 'en_US.UTF-8', 'C']) {
      rmSync(making, { recursive: true, force: true })
      const args = ['-D', making, '-U', 'octavo', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`]
      args.push('--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8')
      args.push(`--locale=${locale}`, '--no-instructions')
      if (options.settings?.fsync === 'off') args.push('--no-sync')
      const child = launch(programs, programs.initdb, args)
      const output = collectLines(child)
      const code = await new Promise<number | null>((resolve, reject) => {
        const timer = setTimeout(() => child.kill('SIGKILL'), initLimitMs)
        child.once('error', reject)
        child.once('close', (exitCode) => {
          clearTimeout(timer)
          resolve(exitCode)
        })
      })
      if (code === 0) {
        renameSync(making, cluster)
        return
      }
      said = output()
      if (!/locale/.test(said)) break
    }
  } finally {
    rmSync(passwordFile, { force: true })
  }
  throw new PostgresUnavailable(`PostgreSQL could not make its data folder ${cluster}: ${said}`)
}

/** Starts the server and waits until it takes connections. */
async function launchServer(
  programs: PostgresPrograms,
  args: readonly string[],
  cluster: string,
  { log, signal }: PostgresOptions,
) {
  for (let attempt = 0; ; attempt++) {
    const child = launch(programs, programs.postgres, args)
    const output = collectLines(child, log)
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message))
      child.once('close', (code, signal) => resolve(signal ?? `code ${code}`))
    })
    try {
      await ready(cluster, child, ended, output, signal)
      return { child, ended }
    } catch (error) {
      await stopChild(child, ended, 0)
      // After a kill of the server its sessions need a moment to notice; until then they hold the memory.
      const waits = /shared memory block|lock file/.test(output()) && attempt < restartsMax
      if (!waits || signal?.aborted) throw error
      await sleep(100)
    }
  }
}

function launch(programs: PostgresPrograms, program: string, args: readonly string[]): ChildProcess {
  const { command, args: all, user } = runnable(programs.runAs, program, args)
  // Its own process group: Ctrl-C in a terminal must reach the supervisor alone, which stops things in order.
  return spawn(command, all, {
    ...user,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
  })
}

/** Passes each line on and keeps the last ones; returns a function that gives those. */
function collectLines(child: ChildProcess, log?: (line: string) => void): () => string {
  const last: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        log?.(line)
        last.push(line)
        if (last.length > 20) last.shift()
      }
    })
  }
  return () => last.join('\n')
}

async function stopChild(child: ChildProcess, ended: Promise<string>, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const endsWithin = (limitMs: number) =>
    Promise.race([ended.then(() => true), sleep(limitMs, false, { ref: false })])
  child.kill('SIGINT')
  child.kill('SIGCONT')
  if (await endsWithin(graceMs)) return
  child.kill('SIGQUIT')
  if (await endsWithin(1000)) return
  child.kill('SIGKILL')
  await endsWithin(1000)
}

async function ensureDatabase(adminUrl: string, database: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database])
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(database)}`)
  } finally {
    await client.end()
  }
}
