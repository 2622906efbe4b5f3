import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Database } from '#ports/database'
import { openObjectStore } from '#ports/object-store'
import { listBooks } from '../src/services/catalog/books/list-books.ts'
import { openStore } from '../src/services/catalog/store/open-store.ts'
import { countOrders, findOrders, type OrderFilter } from '../src/services/orders/find-orders.ts'
import { listOrdersBehind } from '../src/services/orders/list-behind.ts'
import { openCutReader } from '../src/services/warehouse/engine/answer-query.ts'
import { type Loaded, load } from '../src/services/warehouse/load/load.ts'
import { reports } from '../src/services/warehouse/reports/reports.ts'
import { currentCut } from '../src/services/warehouse/store/local-cut.ts'
import { addSyntheticBooks, syntheticIsbn } from '../test/support/synthetic-books.ts'
import * as contestants from './contestants.ts'
import { curveSvg } from './curve.ts'
import { growStore } from './grown-store.ts'
import { listQueries } from './list-queries.ts'
import { type Figures, measure, median, medians, ms, printTable, ratio, round } from './rounds.ts'
import { openBenchStore } from './store.ts'

// What grows with the orders that are there: sales, the lists of staff and readers, and the warehouse, at each size of one
// store.
const { values } = parseArgs({
  options: {
    /** 10000000 takes half an hour to make, and 20 GB. */
    orders: { type: 'string', default: '10000,1000000' },
    /** The most orders with which the warehouse is loaded and asked: of ten million that takes an hour. */
    loaded: { type: 'string', default: '1000000' },
    titles: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    callers: { type: 'string', default: '256' },
    /** A file that is to have the curve as an SVG. */
    curve: { type: 'string' },
  },
})
const sizes = values.orders.split(',').map(Number)
const titles = Number(values.titles)
const rounds = Number(values.rounds)
const repeats = 20

await using servers = await openBenchStore(0, { maintenance_work_mem: '512MB' })
await addSyntheticBooks(servers.books, titles)
const store = { ...servers, isbns: Array.from({ length: titles }, (_, i) => syntheticIsbn(i + 1)) }
await using catalogue = await openStore(store.bookDbUrl, { applicationName: 'bench-scale' })
const bookkeeping = await openWarehouse(store)
const saleTable: string[][] = []
const soldPerSecond: number[] = []
const loadTable: string[][] = []
const [listTable, reportTable] = [new Map<string, number[]>(), new Map<string, number[]>()]
let there = 0
for (const size of sizes) {
  const startedMs = performance.now()
  await growStore(store, there, size)
  there = size
  say(`${round(size)} orders made in ${round((performance.now() - startedMs) / 1000)} s`)
  const isLoaded = size <= Number(values.loaded)
  const whole = isLoaded ? await loadAll() : undefined
  await timeSales(size)
  // Behind the sale, as the role `orders` does it.
  while ((await listOrdersBehind(store.orders)) > 0);
  say('sold and listed')
  await timeLists()
  if (whole !== undefined) await timeWarehouse(size, whole)
  printTables()
}
if (values.curve !== undefined) await writeFile(values.curve, curve())

async function timeSales(size: number): Promise<void> {
  const sales: Figures[] = []
  for (let i = 0; i < rounds; i++) sales.push(await sell(store))
  const { perSecond, p99Ms } = medians(sales)
  soldPerSecond.push(perSecond)
  saleTable.push([
    ...[round(size), round(perSecond), ratio(perSecond / (soldPerSecond[0] ?? 1)), ms(p99Ms)],
    ...[await sizeOf(store.orders), await sizeOf(store.books)],
  ])
}

async function loadAll(): Promise<Loaded> {
  const whole = await load({ ...bookkeeping, whole: true })
  agreed(whole)
  say(`loaded in ${round(whole.ms / 1000)} s`)
  return whole
}

/** After what was sold since the load of everything, which is an increment of its own. */
async function timeWarehouse(size: number, whole: Loaded): Promise<void> {
  agreed(await load(bookkeeping))
  const incrementMs: number[] = []
  for (let i = 0; i < rounds; i++) {
    await order(store, 1_000)
    const increment = await load(bookkeeping)
    if (increment.kind !== 'increment')
      throw new Error('a load of everything, although 1,000 orders were new')
    agreed(increment)
    incrementMs.push(increment.ms)
  }
  loadTable.push([
    ...[round(size), `${(whole.ms / 1000).toFixed(1)} s`, `${(median(incrementMs) / 1000).toFixed(2)} s`],
    `${(whole.bytes / 1e6).toFixed(0)} MB`,
  ])
  await timeReports()
}

/** As far as it is: the next size may take an hour. */
function printTables(): void {
  printTable(['orders', 'sold/s', '÷ first', 'p99', 'OrderDb', 'BookDb'], saleTable)
  if (loadTable.length > 0) {
    console.log()
    printTable(['orders', 'whole load', '1 000 more', 'Parquet'], loadTable)
  }
  for (const [what, timed] of [
    ['list, p95', listTable],
    ['report, p95', reportTable],
  ] as const) {
    if (timed.size === 0) continue
    console.log()
    printTable(
      [
        what,
        ...sizes.slice(0, [...timed.values()][0]?.length).map((size) => `${round(size)} orders`),
        'last ÷ first',
      ],
      [...timed].map(([name, p95s]) => [name, ...p95s.map(ms), ratio((p95s.at(-1) ?? 0) / (p95s[0] ?? 1))]),
    )
  }
  console.log()
}

const drawnLists = ['orders of a customer', 'first page', 'what can be bought', 'two words']

function curve(): string {
  const lines = drawnLists.map((name) => ({ name, values: listTable.get(name) ?? [] }))
  return curveSvg(
    sizes,
    [
      { title: 'orders sold a second', lines: [{ name: 'sold', values: soldPerSecond }] },
      { title: 'lists, p95 in ms', lines },
    ],
    'Orders sold a second, and how long lists take, by how many orders there are',
  )
}

function agreed({ disagreements }: Loaded): void {
  if (disagreements.length > 0) throw new Error(`the warehouse does not agree: ${disagreements.join('; ')}`)
}

function say(what: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)} ${what}`)
}

async function openWarehouse({ folder, books, orders }: typeof store) {
  const objects = await openObjectStore(pathToFileURL(join(folder, 'objects')).href, { secret: 'bench' })
  // What the bench began with is in no ledger; what it sells is.
  await books.execute('UPDATE catalog.stock SET copies = 1000000000, sold = 0')
  await books.execute(
    `INSERT INTO catalog.ledger (isbn, movement, copies_delta) SELECT isbn, 'set', copies FROM catalog.stock`,
  )
  return { orderDb: orders, bookDb: books, objects, secret: 'bench', root: join(folder, 'warehouse') }
}

async function sell(at: typeof store): Promise<Figures> {
  await using engine = await contestants.engine(at)
  await measure(engine.call, Number(values.callers), 0.5)
  return await measure(engine.call, Number(values.callers), Number(values.seconds))
}

async function order(at: typeof store, count: number): Promise<void> {
  await using engine = await contestants.engine(at)
  await Promise.all(Array.from({ length: count }, () => engine.call()))
}

/** What staff ask for, and readers, as the roles answer them: a page and how many there are. */
async function timeLists(): Promise<void> {
  const reading = { ...store.orders, isCertain: true }
  const staffs: Record<string, OrderFilter> = {
    'orders, the newest': {},
    'orders, cancelled': { status: 'cancelled' },
    'orders of a customer': { email: 'reader77@example.org' },
    'orders of a title': { isbn: store.isbns[7] as string },
  }
  for (const [name, filter] of Object.entries(staffs))
    await time(listTable, name, async () => {
      await findOrders(reading, filter, null, 25)
      await countOrders(reading, filter)
    })
  const some = await store.books.query<{ title: string }>(
    'SELECT title FROM catalog.books ORDER BY isbn LIMIT $1',
    [repeats],
  )
  const { titles: words, queries } = listQueries(titles)
  words.push(...some.map(({ title }) => title.split(' ')))
  for (const [name, queryOf] of Object.entries(queries))
    await time(listTable, name, (i) => listBooks(catalogue.books, queryOf(i), 0))
}

async function timeReports(): Promise<void> {
  const cut = await currentCut(bookkeeping.root)
  if (cut === undefined) throw new Error('nothing was loaded')
  await using reader = await openCutReader(cut, join(store.folder, 'queries'))
  // Days of a zone that has to be asked for: in UTC nothing is.
  const asked = { timeZone: 'Europe/Berlin', rowsMax: 1_000 }
  for (const { name, sql } of reports)
    await time(reportTable, name, async () => {
      const answered = await reader.answer({ sql: sql(asked), format: 'json', rowsMax: 1_000 })
      if (answered.kind !== 'rows') throw new Error(`${name}: ${JSON.stringify(answered)}`)
    })
}

/** Notes the slowest but one in twenty, after a first one that is not counted: it reads from disk what the others need. */
async function time(into: Map<string, number[]>, name: string, ask: (i: number) => Promise<unknown>) {
  const waits: number[] = []
  for (let i = 0; i <= repeats; i++) {
    const startMs = performance.now()
    await ask(i)
    if (i > 0) waits.push(performance.now() - startMs)
  }
  const p95Ms = waits.sort((a, b) => a - b)[Math.floor(repeats * 0.95) - 1] ?? 0
  into.set(name, [...(into.get(name) ?? []), p95Ms])
}

async function sizeOf(database: Database): Promise<string> {
  const [row] = await database.query<{ bytes: number }>(
    'SELECT pg_database_size(current_database()) AS bytes',
    [],
  )
  return `${((row?.bytes ?? 0) / 1e9).toFixed(2)} GB`
}
