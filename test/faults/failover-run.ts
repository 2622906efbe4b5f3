import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { openDatabase } from '#ports/database'
import type { RunRecord } from '../../src/local/data-folder.ts'
import { childrenOf, commandLine } from '../../src/local/process-identity.ts'
import { readSuccession } from '../../src/local/replicas/succession-record.ts'
import { type Writer, writeAll } from '../databases/writers.ts'
import { type Clients, startClients, type Wanted } from './clients.ts'
import { doubtLimitMs, gapsMs } from './fault-run.ts'
import type { FaultyStore } from './faulty-store.ts'
import { checkHistory, inDoubt, type Verdict } from './history.ts'

/** How a primary is lost. */
export const ways = ['kill', 'freeze', 'cut off, then kill', 'partition', 'switchover'] as const
export type Way = (typeof ways)[number]
export const databases = ['book-db', 'order-db'] as const
export type DatabaseName = (typeof databases)[number]

export type FailoverOptions = {
  replicas: number
  isbns: readonly string[]
  /** What strikes, in this order. */
  strikes: readonly { database: DatabaseName; way: Way }[]
  /** Goes on ordering after the last one until so many orders are acknowledged. */
  acknowledgedMin: number
  clients: number
  clientPauseMs: number
  /** Commits wait for no replica: so much is to be acknowledged by a primary that is cut off. Nothing is waited for at the end. */
  isControl?: boolean
  onStrike?: (strike: FailoverStrike, acknowledged: number) => void
}

export type FailoverStrike = {
  database: DatabaseName
  way: Way
  /** For how long there was no primary, as the supervisor saw it. */
  withoutPrimaryMs: number
  /** The longest time without an acknowledged row, as somebody saw it who writes one after the other. */
  withoutWriteMs: number
}

export type FailoverRun = Verdict & {
  strikes: FailoverStrike[]
  history: readonly Wanted[]
  inDoubt: number
  /** The longest that no order at all was acknowledged, in ms. */
  longestGapMs: number
}

const followLimitMs = 120_000
/** So long what the primary writes reaches nobody before it is killed. */
const cutOffMs = 400
const controlRows = 20

/** Loses the primaries while clients order, and holds what they were told against what is there. */
export async function runFailovers(store: FaultyStore, options: FailoverOptions): Promise<FailoverRun> {
  const { replicas, isbns, clientPauseMs: pauseMs } = options
  await using writers = await openWriters(store)
  const clients = startClients({ url: store.url, count: options.clients, isbns, pauseMs, readsBack: true })
  const strikes: FailoverStrike[] = []
  for (const { database, way } of options.strikes) {
    await allFollow(store, database, replicas)
    const writer = writers.of(database)
    await writer.more(5)
    writer.outageMs()
    const meanwhile = () => (options.isControl ? writer.more(controlRows) : sleep(cutOffMs))
    const withoutPrimaryMs = await failover(store, database, way, meanwhile)
    await writer.more(5)
    strikes.push({ database, way, withoutPrimaryMs, withoutWriteMs: Math.round(writer.outageMs()) })
    options.onStrike?.(strikes.at(-1) as FailoverStrike, clients.acknowledged())
  }
  await enough(clients, options.acknowledgedMin)
  await clients.finish()
  if (!options.isControl) await sleep(doubtLimitMs)
  const doubtful = await inDoubt(store.secrets, doubtLimitMs)
  const verdict = await checkHistory(clients.history, store.secrets)
  const lost = [...verdict.lost, ...(await writers.lost())]
  const longestGapMs = Math.max(0, ...gapsMs(clients.history))
  return { ...verdict, lost, strikes, history: clients.history, inDoubt: doubtful, longestGapMs }
}

/**
 * The control: commits of new sessions wait for no replica any more, and each primary is cut off and killed. What was
 * acknowledged meanwhile has to be missed.
 */
export async function loseWithoutQuorum(store: FaultyStore, options: FailoverOptions): Promise<FailoverRun> {
  for (const url of [store.secrets.bookDb, store.secrets.orderDb]) {
    await using database = await openDatabase(url, { applicationName: 'control' })
    const [row] = await database.query<{ name: string }>('SELECT current_database()::text AS name')
    await database.execute(`ALTER DATABASE ${row?.name} SET synchronous_commit = local`)
    await database.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    )
  }
  return await runFailovers(store, { ...options, isControl: true })
}

async function enough(clients: Clients, acknowledgedMin: number): Promise<void> {
  while (clients.acknowledged() < acknowledgedMin) await sleep(200)
}

/** One who writes rows into each database, as a role would: through every failover, under a key. */
async function openWriters({ secrets }: FaultyStore) {
  const opened = new AsyncDisposableStack()
  const writers = new Map<DatabaseName, { writer: Writer; lost(): Promise<string[]> }>()
  for (const [name, url] of [
    ['book-db', secrets.bookDb],
    ['order-db', secrets.orderDb],
  ] as const) {
    const database = opened.use(await openDatabase(url, { applicationName: 'writer' }))
    const table = `kept_${Date.now()}`
    await database.execute(`CREATE TABLE ${table} (n int PRIMARY KEY)`)
    const writer = writeAll(database, table, 1)
    opened.defer(() => writer.stop())
    const lost = async () => {
      await writer.stop()
      const rows = await database.query<{ n: number }>(`SELECT n FROM ${table}`)
      const kept = new Set(rows.map(({ n }) => n))
      return writer.acknowledged.filter((n) => !kept.has(n)).map((n) => `${name}: row ${n} of a writer`)
    }
    writers.set(name, { writer, lost })
  }
  return {
    of: (name: DatabaseName) => writers.get(name)?.writer as Writer,
    lost: async () => (await Promise.all([...writers.values()].map(({ lost }) => lost()))).flat(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** Each failover is to be one of a whole set. */
async function allFollow({ data }: FaultyStore, database: string, replicas: number): Promise<void> {
  const giveUpMs = performance.now() + followLimitMs
  while (readSuccession(join(data, database))?.followers.length !== replicas) {
    if (performance.now() > giveUpMs) throw new Error(`not all replicas of ${database} follow`)
    await sleep(50)
  }
}

/** @returns how long the supervisor was without a primary, until the next one took writes */
async function failover(
  store: FaultyStore,
  database: DatabaseName,
  way: Way,
  whileCutOff: () => Promise<void>,
): Promise<number> {
  const path = join(store.data, database)
  const before = readSuccession(path)
  const name = `${database}.${before?.primary}`
  const pid = pidOf(store.data, name)
  await strikeDown(store, database, name, way, whileCutOff)
  const struckMs = performance.now()
  const giveUpMs = struckMs + followLimitMs
  for (;;) {
    const now = readSuccession(path)
    // On a busy machine replicas may be too slow with their votes: then it is started again where it was.
    const isInPlace = now?.term === before?.term && ![0, pid].includes(pidOf(store.data, name))
    if (isInPlace) return Math.round(performance.now() - struckMs)
    if (now?.term !== before?.term && now?.last && now.last.at !== before?.last?.at) return now.last.tookMs
    if (performance.now() > giveUpMs) throw new Error(`nobody took the place of ${name}`)
    await sleep(20)
  }
}

async function strikeDown(
  store: FaultyStore,
  database: DatabaseName,
  name: string,
  way: Way,
  whileCutOff: () => Promise<void>,
): Promise<void> {
  switch (way) {
    case 'kill':
      return void store.kill(name)
    case 'freeze':
      return void store.freeze(name, 4_000)
    case 'cut off, then kill':
      // What it writes now reaches nobody, and may not be acknowledged.
      stop(walSenders(pidOf(store.data, name)))
      await whileCutOff()
      return void store.kill(name)
    case 'partition': {
      // It lives and its sessions go on, but neither its replicas nor the supervisor hear of it.
      const server = pidOf(store.data, name)
      stop([server, ...walSenders(server), ...(await supervisorsSessions(store, database))])
      return
    }
    case 'switchover':
      return await octavo(store, 'databases', 'switch', database)
  }
}

const walSenders = (server: number) => childrenOf(server).filter((pid) => /walsender/.test(commandLine(pid)))

function stop(pids: readonly number[]): void {
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
}

async function supervisorsSessions({ secrets }: FaultyStore, name: DatabaseName): Promise<number[]> {
  const url = name === 'book-db' ? secrets.bookDb : secrets.orderDb
  await using database = await openDatabase(url, { applicationName: 'strike' })
  const rows = await database.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'octavo supervisor'`,
  )
  return rows.map(({ pid }) => pid)
}

/** As an operator would: by the command. */
async function octavo({ data }: FaultyStore, ...args: string[]): Promise<void> {
  const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
  await promisify(execFile)(process.execPath, [main, ...args], {
    env: { PATH: process.env.PATH, OCTAVO_DATA: data },
  })
}

function pidOf(data: string, name: string): number {
  const record = JSON.parse(readFileSync(join(data, 'run', 'supervisor.json'), 'utf8')) as RunRecord
  return record.children.find((child) => child.name === name)?.process.pid ?? 0
}
