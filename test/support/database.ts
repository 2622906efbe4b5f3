import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { copyCluster } from './copy-cluster.ts'
import { type KeeperReply, type KeeperRequest, type ServerKind, testPassword } from './keeper.ts'
import type { Laid } from './lay-database.ts'

/** What a test gives to have its databases dropped when it ends: the `t` of `node:test`, or anything with `after`. */
export type TestScope = { after(work: () => unknown): void }

/** A database server of one test alone, to be stopped, killed and frozen at will. */
export type TestServer = {
  url(database: string): string
  ensureDatabase(database: string): Promise<void>
  /** Clean stop. */
  stop(): Promise<void>
  /** Starts again after `stop` or `kill`, on the same data and address. */
  start(): Promise<void>
  /** SIGKILL to the server and all its sessions. */
  kill(): Promise<void>
  /** SIGSTOP to the server and all its sessions; `resume` is SIGCONT. */
  pause(): Promise<void>
  resume(): Promise<void>
}

const keeperLimitMs = 60_000
const dropAttemptsMax = 50

/**
 * A fresh, empty database for one test, dropped when the test ends. All tests of a run share one embedded PostgreSQL
 * server (see keeper.ts), or the one that OCTAVO_TEST_POSTGRES names by the URL of a database where its user may
 * create others.
 * @param name letters, digits and underscores; the database's name starts with it
 * @param laid spares the test the making of the tables that it is for: they are there, where the server is embedded
 */
export async function testDatabase(t: TestScope, name: string, laid?: Laid): Promise<{ url: string }> {
  const admin = await adminUrl()
  const database = `${name.replace(/\W/g, '_').slice(0, 40)}_${randomBytes(5).toString('hex')}`
  const copyOf = laid && !process.env.OCTAVO_TEST_POSTGRES ? await copiedDatabase(laid) : 'template1'
  await execute(admin, `CREATE DATABASE "${database}" TEMPLATE "${copyOf}"`)
  t.after(() => dropDatabase(admin, database))
  const url = new URL(admin)
  url.pathname = `/${database}`
  return { url: url.href }
}

/** Whoever still follows its log has to be sent away first. */
async function dropDatabase(admin: string, database: string): Promise<void> {
  const followers = `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = '${database}'`
  for (let attempt = 1; ; attempt++)
    try {
      await execute(admin, followers)
      return await execute(admin, `DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`)
    } catch (error) {
      // Source: SQLSTATE 55006, object in use.
      if ((error as { code?: string }).code !== '55006' || attempt === dropAttemptsMax) throw error
      await sleep(100)
    }
}

/** Servers of this test alone, e.g. two for a transaction over both. They end with the test, or with its process. */
export async function testServers(t: TestScope, count = 2): Promise<TestServer[]> {
  return Promise.all(Array.from({ length: count }, () => openServer(t)))
}

/**
 * The same of any kind.
 * @param ensure makes a database at an administrator's URL of the server
 */
export async function openServer(
  t: TestScope,
  kind: ServerKind = 'postgres',
  ensure: (admin: string, database: string) => Promise<void> = (admin, database) =>
    execute(admin, `CREATE DATABASE "${database}"`, '42P04'),
): Promise<TestServer> {
  const opened = await ask({ do: 'open', kind })
  const order = async (what: KeeperRequest['do']) => {
    await ask({ do: what, server: opened.server })
  }
  t.after(() => order('kill'))
  const url = (database: string) => {
    const address = new URL(opened.url ?? '')
    address.pathname = `/${database}`
    return address.href
  }
  return {
    url,
    ensureDatabase: (database) => ensure(opened.url ?? '', database),
    stop: () => order('stop'),
    start: () => order('start'),
    kill: () => order('kill'),
    pause: () => order('pause'),
    resume: () => order('resume'),
  }
}

/**
 * Puts initialised database servers into a store's data folder, as its first start would make them: making them is most
 * of such a start. The store finds their passwords where it would have kept them.
 */
export async function layServers(dataPath: string, laid: ServersLaid = {}): Promise<void> {
  const secrets = join(dataPath, 'secrets')
  mkdirSync(secrets, { recursive: true, mode: 0o700 })
  for (const name of ['book-db', 'order-db'] as const) {
    const { path = '' } = await ask({ do: 'template', ...(laid[name] && { laid: laid[name] }) })
    writeFileSync(join(secrets, `${name}-password`), `${testPassword}\n`, { mode: 0o600 })
    copyCluster(path, join(dataPath, name))
  }
}

/** What the two servers have in them; nothing is as good. */
export type ServersLaid = { 'book-db'?: Laid; 'order-db'?: Laid }

let shared: Promise<string> | undefined
const copied = new Map<Laid, Promise<string>>()

function copiedDatabase(laid: Laid): Promise<string> {
  const known = copied.get(laid) ?? ask({ do: 'shared', laid }).then(({ copyOf = '' }) => copyOf)
  copied.set(laid, known)
  return known
}

/** The URL of the shared server of a kind, as its administrator. @throws Error saying why there is none */
export async function sharedServer(kind: ServerKind): Promise<string> {
  return (await ask({ do: 'shared', kind })).url ?? ''
}

function adminUrl(): Promise<string> {
  shared ??= process.env.OCTAVO_TEST_POSTGRES
    ? Promise.resolve(process.env.OCTAVO_TEST_POSTGRES)
    : sharedServer('postgres')
  return shared
}

async function execute(url: string, sql: string, ignoredCode?: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 20_000 })
  await client.connect()
  try {
    await client.query(sql)
  } catch (error) {
    if (ignoredCode === undefined || (error as { code?: string }).code !== ignoredCode) throw error
  } finally {
    await client.end()
  }
}

type Keeper = { ask(request: Omit<KeeperRequest, 'id'>): Promise<KeeperReply> }
let keeper: Promise<Keeper> | undefined

async function ask(request: Omit<KeeperRequest, 'id'>): Promise<KeeperReply> {
  keeper ??= openKeeper()
  const reply = await (await keeper).ask(request)
  if (reply.error !== undefined) throw new Error(`the test server said: ${reply.error}`)
  return reply
}

/** Holds the shared test server open until `close`, or until this process ends: for whoever runs many test files. */
export async function holdTestServer(): Promise<() => void> {
  const socket = await connectToKeeper()
  return () => socket.destroy()
}

async function openKeeper(): Promise<Keeper> {
  const socket = await connectToKeeper()
  const waiting = new Map<number, (reply: KeeperReply) => void>()
  let nextId = 1
  createInterface({ input: socket }).on('line', (line) => {
    const reply = JSON.parse(line) as KeeperReply
    waiting.get(reply.id)?.(reply)
    waiting.delete(reply.id)
    if (waiting.size === 0) socket.unref()
  })
  socket.once('close', () => {
    keeper = undefined
    shared = undefined
    copied.clear()
    for (const [id, answer] of waiting) answer({ id, error: 'it ended' })
  })
  // An open connection alone must not keep a finished test process alive; a question on its way must.
  socket.unref()
  return {
    ask: (request) =>
      new Promise((resolve) => {
        const id = nextId++
        waiting.set(id, resolve)
        socket.ref()
        socket.write(`${JSON.stringify({ id, ...request })}\n`)
      }),
  }
}

async function connectToKeeper(): Promise<Socket> {
  const script = fileURLToPath(new URL('./keeper.ts', import.meta.url))
  const name = createHash('sha256').update(`${script} ${processNamespace()}`).digest('hex').slice(0, 8)
  const path = join(tmpdir(), `octavo-test-${userInfo().uid}-${name}`, 'keeper')
  const deadline = performance.now() + keeperLimitMs
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  for (let attempt = 0; performance.now() < deadline; attempt++) {
    const socket = await tryConnect(path)
    if (socket) return socket
    // Should the one started first be lost, the next attempts start another; only one of them will listen.
    if (attempt % 100 === 0)
      spawn(process.execPath, [script, path], { detached: true, stdio: 'ignore' }).unref()
    await sleep(50)
  }
  throw new Error(`no database servers for tests within ${keeperLimitMs} ms (${path})`)
}

/** Processes of another namespace have other pids, and end with it: they have servers of their own. */
function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}

function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', () => resolve(undefined))
  })
}
