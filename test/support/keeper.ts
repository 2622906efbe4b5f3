import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { type PostgresServer, startPostgres, stopOrphan } from '../../src/local/postgres-server.ts'
import {
  childrenOf,
  commandLine,
  endProcess,
  identify,
  isRunning,
  type ProcessIdentity,
} from '../../src/local/process-identity.ts'
import { copyCluster } from './copy-cluster.ts'
import type { Laid } from './lay-database.ts'
import { layMariadb, mariadbMissing, startMariadb } from './mariadb-server.ts'

/** Which program a server runs. */
export type ServerKind = 'postgres' | 'mariadb'

/**
 * Keeps PostgreSQL and MariaDB servers for tests: `node keeper.ts SOCKET`. Test processes hold a connection to the socket and
 * ask for servers on it, one JSON object a line. A connection ends with its process, however that ends, and takes the
 * servers opened over it along; when the last one has gone, the keeper stops the shared server too and ends. So no
 * test can leave a server behind.
 */
export type KeeperRequest = {
  id: number
  do: 'shared' | 'template' | 'open' | 'start' | 'stop' | 'kill' | 'pause' | 'resume'
  kind?: ServerKind
  /** What a database of the template, or the database to copy on the shared server, has in it. */
  laid?: Laid
  server?: number
}
export type KeeperReply = {
  id: number
  server?: number
  url?: string
  path?: string
  copyOf?: string
  error?: string
}

/** The password of every server for tests. */
export const testPassword = 'octavo'

const lingerMs = 1500
const firstConnectionLimitMs = 20_000
/** Also what a store's own server for books has. */
const followedLog = { wal_level: 'logical', max_replication_slots: '40', max_wal_senders: '40' }
const sharedSettings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

if (import.meta.main) await keep(process.argv[2] ?? '')

async function keep(socketPath: string): Promise<void> {
  const base = dirname(socketPath)
  mkdirSync(base, { recursive: true, mode: 0o700 })
  const listener = await listen(socketPath)
  if (!listener) return
  await sweep(base)
  const run = join(base, `run-${process.pid}`)
  mkdirSync(run, { mode: 0o700 })
  writeFileSync(join(run, 'keeper.json'), JSON.stringify(identify(process.pid)))

  const connections = new Set<Socket>()
  const shared: Partial<Record<ServerKind, Promise<Running>>> = {}
  const copied: Partial<Record<Laid, Promise<string>>> = {}
  const templates: Partial<Record<ServerKind | Laid, Promise<string>>> = {}
  const openTemplate = (what: ServerKind | Laid): Promise<string> => {
    const path = join(run, `template-${what}`)
    templates[what] ??= isKind(what)
      ? kinds[what].makeTemplate(path)
      : openTemplate('postgres').then((plain) => makeLaidTemplate(plain, path, what))
    return templates[what]
  }
  let lingering: NodeJS.Timeout | undefined
  const stop = async () => {
    listener.close()
    for (const server of Object.values(shared)) await (await server.catch(() => undefined))?.stop(0)
    rmSync(run, { recursive: true, force: true })
    process.exit(0)
  }
  const linger = (ms: number) => {
    clearTimeout(lingering)
    lingering = setTimeout(stop, ms)
  }
  listener.on('connection', (socket) => {
    clearTimeout(lingering)
    connections.add(socket)
    const openShared = (kind: ServerKind) => {
      shared[kind] ??= kinds[kind].startShared(join(run, `shared-${kind}`), () => openTemplate(kind))
      return shared[kind]
    }
    const openCopied = (laid: Laid) => {
      copied[laid] ??= openShared('postgres').then(async ({ url }) => (await laying()).makeCopied(url, laid))
      return copied[laid]
    }
    serve(socket, run, { openShared, openTemplate, openCopied })
    socket.once('close', () => {
      connections.delete(socket)
      if (connections.size === 0) linger(lingerMs)
    })
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  linger(firstConnectionLimitMs)
}

/** Listens on the socket; undefined when another keeper does already. */
async function listen(path: string): Promise<Server | undefined> {
  const server = createServer()
  const tried = await new Promise<Error | undefined>((resolve) => {
    server.once('error', resolve)
    server.listen(path, () => resolve(undefined))
  })
  if (!tried) return server
  const answered = await new Promise<boolean>((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
  if (answered) return undefined
  // A keeper was killed and left its socket file. Should two move it aside at once, both keep servers for a while.
  const aside = `${path}.${randomBytes(4).toString('hex')}`
  renameSync(path, aside)
  rmSync(aside, { force: true })
  return listen(path)
}

/** Ends what keepers that were killed have left. */
async function sweep(base: string): Promise<void> {
  for (const name of readdirSync(base).filter((entry) => entry.startsWith('run-'))) {
    const run = join(base, name)
    if (isRunning(readIdentity(join(run, 'keeper.json')))) continue
    for (const server of readdirSync(run, { withFileTypes: true }).filter((entry) => entry.isDirectory()))
      await Promise.allSettled([
        stopOrphan(join(run, server.name, 'data')),
        stopMariadbOrphan(join(run, server.name)),
      ])
    rmSync(run, { recursive: true, force: true })
  }
}

function readIdentity(path: string): ProcessIdentity {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity
  } catch {
    return { pid: 0, startedAt: '' }
  }
}

type Running = Pick<PostgresServer, 'pid' | 'url' | 'stop'>

/** Loaded here alone: whoever asks the keeper has no need of a store. */
const laying = () => import('./lay-database.ts')

const isKind = (what: ServerKind | Laid): what is ServerKind => what in kinds

/** A PostgreSQL server's folder with a store's database in it. */
async function makeLaidTemplate(plain: string, path: string, laid: Laid): Promise<string> {
  copyCluster(plain, path)
  await using server = await startPostgres(serverOptions(path, { fsync: 'off' }))
  await (await laying()).layOn(server, laid)
  return join(path, 'data')
}

type OwnServer = { kind: ServerKind; path: string; running: Running | undefined }

type Kind = {
  /** The database that is always there. */
  admin: string
  /** An initialised server's folder, to copy instead of making another. @returns its data folder */
  makeTemplate(path: string): Promise<string>
  start(path: string): Promise<Running>
  /** One for everybody, quick rather than durable. */
  startShared(path: string, template: () => Promise<string>): Promise<Running>
}

const kinds: Readonly<Record<ServerKind, Kind>> = {
  postgres: {
    admin: 'postgres',
    async makeTemplate(path) {
      const server = await startPostgres(serverOptions(path, { fsync: 'off' }))
      await server.stop()
      return join(path, 'data')
    },
    start: (path) => startPostgres(serverOptions(path, { ...followedLog, fsync: 'off' })),
    startShared: (path) =>
      startPostgres(serverOptions(path, { ...followedLog, ...sharedSettings, max_connections: '400' })),
  },
  mariadb: {
    admin: 'mysql',
    async makeTemplate(path) {
      const missing = mariadbMissing()
      if (missing) throw new Error(missing)
      layMariadb(path)
      return join(path, 'data')
    },
    start: (path) => startMariadb(path),
    async startShared(path, template) {
      copyCluster(await template(), path)
      return await startMariadb(path, [
        ...['--max-connections=1000', '--innodb-flush-log-at-trx-commit=0', '--skip-innodb-doublewrite'],
      ])
    },
  },
}

/** Ends a MariaDB server whose keeper was killed. */
async function stopMariadbOrphan(path: string): Promise<void> {
  const pid = Number(readFileSync(join(path, 'pid'), 'utf8'))
  const identity = identify(pid)
  if (identity && commandLine(pid).includes(path)) await endProcess(identity, 'SIGKILL', 5_000)
}

type Openers = {
  openShared(kind: ServerKind): Promise<Running>
  openTemplate(what: ServerKind | Laid): Promise<string>
  openCopied(laid: Laid): Promise<string>
}

/** Answers the requests of one connection, and ends its servers with it. */
function serve(socket: Socket, run: string, { openShared, openTemplate, openCopied }: Openers): void {
  const own = new Map<number, OwnServer>()
  const reply = (message: KeeperReply) => socket.writable && socket.write(`${JSON.stringify(message)}\n`)
  createInterface({ input: socket }).on('line', async (line) => {
    const request = JSON.parse(line) as KeeperRequest
    const { id, kind = 'postgres', laid } = request
    try {
      if (request.do === 'shared') {
        const server = await openShared(kind)
        const copyOf = laid && (await openCopied(laid))
        reply({ id, url: server.url(kinds[kind].admin), ...(copyOf && { copyOf }) })
      } else if (request.do === 'template') reply({ id, path: await openTemplate(laid ?? kind) })
      else reply({ id: request.id, ...(await handle(request, own, run, openTemplate)) })
    } catch (error) {
      reply({ id: request.id, error: (error as Error).message })
    }
  })
  socket.on('error', () => socket.destroy())
  socket.once('close', async () => {
    for (const server of own.values()) {
      await kill(server)
      rmSync(server.path, { recursive: true, force: true })
    }
  })
}

async function handle(
  request: KeeperRequest,
  own: Map<number, OwnServer>,
  run: string,
  openTemplate: Openers['openTemplate'],
) {
  if (request.do === 'open') {
    const { kind = 'postgres' } = request
    const template = await openTemplate(kind)
    const number = own.size
    const path = join(run, `server-${randomBytes(4).toString('hex')}`)
    copyCluster(template, path)
    own.set(number, { kind, path, running: undefined })
    return { server: number, ...(await start(own.get(number))) }
  }
  const server = own.get(request.server ?? -1)
  if (request.do === 'start') return start(server)
  if (request.do === 'kill') await kill(server)
  else if (request.do === 'stop') await server?.running?.stop()
  else if (server?.running) signalAll(server.running.pid, request.do === 'pause' ? 'SIGSTOP' : 'SIGCONT')
  return {}
}

async function start(server: OwnServer | undefined) {
  if (!server) throw new Error('no such server')
  server.running = await kinds[server.kind].start(server.path)
  return { url: server.running.url(kinds[server.kind].admin) }
}

async function kill(server: OwnServer | undefined): Promise<void> {
  if (!server?.running) return
  signalAll(server.running.pid, 'SIGKILL')
  await server.running.stop(1000)
  server.running = undefined
}

/** Signals a server and all its sessions: a signal to the server alone would leave those at work. */
function signalAll(pid: number, signal: NodeJS.Signals): void {
  const order = signal === 'SIGCONT' ? [...childrenOf(pid), pid] : [pid, ...childrenOf(pid)]
  for (const each of order) {
    try {
      process.kill(each, signal)
    } catch {
      // Ended by itself meanwhile.
    }
  }
}

function serverOptions(path: string, settings: Readonly<Record<string, string>>) {
  return { path, password: testPassword, settings }
}
