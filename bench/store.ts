import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkDigit13 } from '#kernel/isbn'
import { type Database, DatabaseBusy, migrate, openDatabase } from '#ports/database'
import type { LivenessLimits } from '../src/local/liveness.ts'
import { socketFolder, startPostgres, urlOf } from '../src/local/postgres-server.ts'
import { superviseReplicated } from '../src/local/replicas/replicated-postgres.ts'
import { readSuccession } from '../src/local/replicas/succession-record.ts'

/** BookDb and OrderDb on servers of their own, as a sale would have them; gone when disposed. */
export type BenchStore = AsyncDisposable & {
  /** Where it keeps its files; goes with it. */
  folder: string
  bookDbUrl: string
  orderDbUrl: string
  books: Database
  orders: Database
  /** The two servers' own; their sessions are children of these. */
  serverPids: readonly number[]
  isbns: readonly string[]
  /** Restores the stock of every title and forgets all orders, so that every round starts alike. */
  reset(): Promise<void>
}

/** Room for the write-ahead log is set aside before a sale; nothing that makes a commit less durable is changed. */
const saleSettings = {
  min_wal_size: '2GB',
  max_wal_size: '4GB',
  shared_buffers: '256MB',
  max_connections: '400',
  max_prepared_transactions: '64',
}

/** As every store's BookDb has it: catalog follows what others write there. */
const followedLog = { wal_level: 'logical' }

const copies = 1_000_000_000
/** The callers keep this process busy: a primary that nobody got round to asking has not gone. */
const patient: LivenessLimits = {
  probeEveryMs: 1_000,
  probeTimeoutMs: 30_000,
  idleMs: 60_000,
  busyMs: 60_000,
}

/** @param replicas how many each database has; a commit waits for half of them */
export async function openBenchStore(
  titles: number,
  settings: Readonly<Record<string, string>> = {},
  replicas = 0,
): Promise<BenchStore> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'octavo-bench-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const serverPids: number[] = []
  const start = async (database: string, own: Readonly<Record<string, string>> = {}) => {
    const [path, password] = [join(folder, database), randomUUID()]
    const options = { path, password, settings: { ...saleSettings, ...own, ...settings } }
    if (replicas === 0) {
      const server = stack.use(await startPostgres(options))
      serverPids.push(server.pid)
      await server.ensureDatabase(database)
      return server.url(database)
    }
    const named = { name: database, database, log: { say() {}, line() {} }, onChange() {} }
    const { servers } = await superviseReplicated({ ...options, ...named, replicas, limits: patient })
    for (const server of servers) stack.defer(() => server.stop(5_000))
    while (readSuccession(path)?.followers.length !== replicas) await sleep(100)
    for (const server of servers) serverPids.push(server.process?.pid ?? 0)
    return urlOf(database, password, [socketFolder(path)])
  }
  const [bookDbUrl, orderDbUrl] = [await start('books', followedLog), await start('orders')]
  const open = async (url: string) => {
    return stack.use(
      await openDatabase(url, { applicationName: 'bench', connectionsMax: 4, statementTimeoutMs: 1_800_000 }),
    )
  }
  const [books, orders] = [await open(bookDbUrl), await open(orderDbUrl)]
  await migrate(
    books,
    new URL('../src/services/catalog/store/postgres/migrations/', import.meta.url),
    'catalog',
  )
  await migrate(orders, new URL('../src/services/orders/migrations/', import.meta.url), 'orders')
  for (const database of [books, orders]) await setLogAside(database)
  const isbns = Array.from({ length: titles }, (_, i) => isbnOf(i))
  await books.execute(
    `INSERT INTO catalog.books (isbn, title, format, price_amount, price_currency)
     SELECT isbn, 'Book ' || isbn, 'paperback', 1250, 'EUR' FROM unnest($1::text[]) AS isbn`,
    [isbns],
  )
  await books.execute('INSERT INTO catalog.stock (isbn, copies) SELECT isbn, $1 FROM catalog.books', [copies])
  const reset = async () => {
    await books.execute('UPDATE catalog.stock SET held = 0, sold = 0')
    await books.execute(
      'ALTER TABLE catalog.ledger DISABLE TRIGGER USER; TRUNCATE catalog.ledger, catalog.outbox',
    )
    await again(
      orders,
      `TRUNCATE orders.orders, orders.decisions, orders.holds, orders.unlisted, orders.listed, orders.outbox, orders.sagas,
                orders.history, orders.vouchers CASCADE`,
    )
    for (const database of [books, orders]) await database.execute('CHECKPOINT')
  }
  const resources = stack.move()
  return {
    folder,
    bookDbUrl,
    orderDbUrl,
    books,
    orders,
    serverPids,
    isbns,
    reset,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** Those who put orders into the index of staff meanwhile take locks in another order: one of both has to try again. */
async function again(database: Database, statement: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return void (await database.execute(statement))
    } catch (error) {
      if (!(error instanceof DatabaseBusy) || tries === 10) throw error
    }
  }
}

const logSegments = 16

/**
 * Leaves the server with segments of its write-ahead log to use again, as one has that did not start a minute ago:
 * making a new one costs as much as filling it.
 */
async function setLogAside(database: Database): Promise<void> {
  for (let i = 0; i < logSegments; i++) {
    await database.execute(
      `SELECT pg_logical_emit_message(false, 'bench', 'so that the segment is not empty')`,
    )
    await database.execute('SELECT pg_switch_wal()')
  }
  // After the second one nothing before it has to be kept.
  for (let i = 0; i < 2; i++) await database.execute('CHECKPOINT')
}

function isbnOf(i: number): string {
  const twelve = `978649${String(i).padStart(6, '0')}`
  return twelve + checkDigit13(twelve)
}
