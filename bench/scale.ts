import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Database } from '#ports/database'
import { openObjectStore } from '#ports/object-store'
import { openCutReader } from '../src/services/warehouse/engine/answer-query.ts'
import { load } from '../src/services/warehouse/load/load.ts'
import { reports } from '../src/services/warehouse/reports/reports.ts'
import { currentCut } from '../src/services/warehouse/store/local-cut.ts'
import * as contestants from './contestants.ts'
import { growStore } from './grown-store.ts'
import { type Figures, figuresOf, measure, ms, printTable, ratio, round } from './rounds.ts'
import { type BenchStore, openBenchStore } from './store.ts'

// What grows with the orders that are there: sales, lists, and the warehouse, at each size of one store.
const { values } = parseArgs({
  options: {
    /** 10000000 takes an hour of two quiet cores, and 30 GB. */
    orders: { type: 'string', default: '10000,1000000' },
    titles: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '3' },
    callers: { type: 'string', default: '256' },
  },
})
const sizes = values.orders.split(',').map(Number)
const repeats = 20

await using store = await openBenchStore(Number(values.titles))
const bookkeeping = await openWarehouse(store)
const table: string[][] = []
const reportTable = new Map<string, string[]>()
let there = 0
let firstPerSecond = 0
for (const size of sizes) {
  const startedMs = performance.now()
  await growStore(store, there, size)
  there = size
  console.error(`${round(size)} orders made in ${round((performance.now() - startedMs) / 1000)} s`)
  const whole = await load({ ...bookkeeping, whole: true })
  const sale = await sell(store)
  await load(bookkeeping)
  await order(store, 1_000)
  const increment = await load(bookkeeping)
  if (increment.kind !== 'increment' || increment.disagreements.length > 0 || whole.disagreements.length > 0)
    throw new Error(
      `the warehouse does not agree: ${[...whole.disagreements, ...increment.disagreements].join('; ')}`,
    )
  firstPerSecond ||= sale.perSecond
  const lists = await timeLists(store.orders)
  const [slowest, slowestMs] = await timeReports()
  table.push([
    ...[round(size), round(sale.perSecond), ratio(sale.perSecond / firstPerSecond), ms(sale.p99Ms)],
    ...lists.map(({ p99Ms }) => ms(p99Ms)),
    ...[
      `${(whole.ms / 1000).toFixed(1)} s`,
      `${(increment.ms / 1000).toFixed(2)} s`,
      `${(whole.bytes / 1e6).toFixed(0)} MB`,
    ],
    ...[`${slowestMs.toFixed(0)} ms (${slowest})`, await sizeOf(store.orders), await sizeOf(store.books)],
  ])
}
printTable(
  [
    'orders',
    'sold/s',
    '÷ first',
    'p99',
    'staff list',
    'by status',
    'by email',
    'whole load',
    '1 000 more',
    'Parquet',
    'slowest report p95',
    'OrderDb',
    'BookDb',
  ],
  table,
)
console.log()
printTable(
  ['report, p95', ...sizes.map((size) => `${round(size)} orders`)],
  [...reportTable].map(([name, cells]) => [name, ...cells]),
)

async function openWarehouse({ folder, books, orders }: BenchStore) {
  const objects = await openObjectStore(pathToFileURL(join(folder, 'objects')).href, { secret: 'bench' })
  // What the bench began with is in no ledger; what it sells is.
  await books.execute(
    `INSERT INTO catalog.ledger (isbn, movement, copies_delta) SELECT isbn, 'set', copies FROM catalog.stock`,
  )
  return { orderDb: orders, bookDb: books, objects, secret: 'bench', root: join(folder, 'warehouse') }
}

async function sell(at: BenchStore): Promise<Figures> {
  await using engine = await contestants.engine(at)
  await measure(engine.call, Number(values.callers), 0.5)
  return await measure(engine.call, Number(values.callers), Number(values.seconds))
}

async function order(at: BenchStore, count: number): Promise<void> {
  await using engine = await contestants.engine(at)
  await Promise.all(Array.from({ length: count }, () => engine.call()))
}

/** What staff ask for: the newest, those that wait, and one customer's. */
async function timeLists(orders: Database): Promise<Figures[]> {
  const page = (where: string) => [
    `SELECT id, status, details FROM orders.orders WHERE ${where} ORDER BY id DESC LIMIT 25`,
    `SELECT count(*) FROM (SELECT FROM orders.orders WHERE ${where} LIMIT 10001) counted`,
  ]
  const all = [
    'true',
    `status = 'cancelled'`,
    `lower(details::json -> 'customer' ->> 'email') = 'reader77@example.org'`,
  ]
  const figures: Figures[] = []
  for (const where of all) {
    const waits: number[] = []
    for (let i = 0; i < repeats; i++) {
      const startMs = performance.now()
      for (const sql of page(where)) await orders.query(sql)
      waits.push(performance.now() - startMs)
    }
    figures.push(figuresOf(waits, 1))
  }
  return figures
}

async function timeReports(): Promise<[string, number]> {
  const cut = await currentCut(bookkeeping.root)
  if (cut === undefined) throw new Error('nothing was loaded')
  await using reader = await openCutReader(cut, join(store.folder, 'queries'))
  let slowest: [string, number] = ['', 0]
  for (const { name, sql } of reports) {
    const waits: number[] = []
    for (let i = 0; i < repeats; i++) {
      const startMs = performance.now()
      // Days of a zone that has to be asked for: in UTC nothing is.
      const asked = { timeZone: 'Europe/Berlin', rowsMax: 1_000 }
      const answered = await reader.answer({ sql: sql(asked), format: 'json', rowsMax: 1_000 })
      if (answered.kind !== 'rows') throw new Error(`${name}: ${JSON.stringify(answered)}`)
      waits.push(performance.now() - startMs)
    }
    const p95Ms = waits.sort((a, b) => a - b)[Math.floor(repeats * 0.95)] ?? 0
    reportTable.set(name, [...(reportTable.get(name) ?? []), ms(p95Ms)])
    if (p95Ms > slowest[1]) slowest = [name, p95Ms]
  }
  return slowest
}

async function sizeOf(database: Database): Promise<string> {
  const [row] = await database.query<{ bytes: number }>(
    'SELECT pg_database_size(current_database()) AS bytes',
    [],
  )
  return `${((row?.bytes ?? 0) / 1e9).toFixed(2)} GB`
}
