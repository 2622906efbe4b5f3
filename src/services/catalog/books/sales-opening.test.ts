import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import type { Database } from '#ports/database'
import { openTurns } from '#ports/lease'
import { addPlainBook, openBookDb, testBookDb } from '../../../../test/support/book-db.ts'
import { until } from '../../../../test/support/until.ts'
import type { CatalogStore } from '../store/catalog-store.ts'
import { openStore } from '../store/open-store.ts'
import { watchSalesOpening } from './sales-opening.ts'

test('all are told of, however many sales open at once', async (t) => {
  const { url } = await testBookDb(t, 'sales_opening')
  await using database = await openBookDb(url)
  await using store = await openStore(url, { applicationName: 'test' })
  await store.migrate()
  let rings = 0
  await using turns = await turnsOf(store)
  await using _ = watchSalesOpening(store.books, turns, systemClock, () => rings++)
  const isbns = Array.from({ length: 1_101 }, (_, i) => `9780${100_000_000 + i}`)
  await addDrops(database, isbns, new Date(Date.now() + 3600_000))
  await database.execute('update catalog.books set sales_open_at = $1', [new Date(Date.now() + 2_000)])
  await until(() => rings === 3)
  const books = await newsOf(database)
  assert.deepEqual([new Set(books.flat().map(({ isbn }) => isbn)).size, books.flat().length], [1_101, 1_101])
})

test('who watches a drop is told when its sale opens, once', async (t) => {
  const { url } = await testBookDb(t, 'sales_opening')
  await using database = await openBookDb(url)
  await using store = await openStore(url, { applicationName: 'test' })
  await store.migrate()
  const hour = 3600_000
  const later = new Date(Date.now() + hour)
  await addDrops(database, ['9780441172719', '9780141439518', '9780261103344'], later)
  await addDrops(database, ['9780306406157'], new Date(Date.now() - hour))
  let rings = 0
  await using turns = await turnsOf(store)
  const watch = watchSalesOpening(store.books, turns, systemClock, () => rings++)
  for (const [i, isbn] of ['9780441172719', '9780261103344'].entries()) {
    await database.execute('update catalog.books set sales_open_at = $1 where isbn = $2', [
      new Date(Date.now() + 1_000),
      isbn,
    ])
    await until(() => rings > i)
  }
  await watch[Symbol.asyncDispose]()
  const news = await newsOf(database)
  assert.deepEqual([news.length, rings], [2, 2])
  assert.deepEqual(
    news.flat().map(({ isbn, status }) => [isbn, status]),
    [
      ['9780441172719', 'in-stock'],
      ['9780261103344', 'in-stock'],
    ],
  )
})

test('of several processes one tells, and the next goes on where it stopped', async (t) => {
  const { url } = await testBookDb(t, 'sales_opening')
  await using database = await openBookDb(url)
  await using store = await openStore(url, { applicationName: 'test' })
  await store.migrate()
  const opening = (seconds: number) => new Date(Date.now() + seconds * 1_000)
  const rings = [0, 0]
  const sum = () => rings.reduce((all, one) => all + one)
  const holders = [await turnsOf(store), await turnsOf(store)]
  const watches = holders.map((turns, i) =>
    watchSalesOpening(store.books, turns, systemClock, () => {
      rings[i] = (rings[i] ?? 0) + 1
    }),
  )
  await addDrops(database, ['9780441172719'], opening(1))
  await until(() => sum() > 0)
  const first = rings.indexOf(1)
  // What opens while nobody has the turn is told of by whoever has it next.
  await addDrops(database, ['9780141439518'], opening(0.2))
  await holders[first]?.[Symbol.asyncDispose]()
  await until(() => sum() > 1)
  const told = (await newsOf(database)).flat().map(({ isbn }) => isbn)
  assert.deepEqual(told, ['9780441172719', '9780141439518'])
  for (const watch of watches) await watch[Symbol.asyncDispose]()
  await holders[1 - first]?.[Symbol.asyncDispose]()
})

/** As one process of catalog has them. */
const turnsOf = ({ schema: { database, name } }: CatalogStore) =>
  openTurns({
    ...{ discoveryUrl: 'registry://127.0.0.1', database, schema: name },
    durations: { leaseMs: 15_000, renewMs: 10_000, retryMs: 200 },
  })

async function addDrops(database: Database, isbns: readonly string[], salesOpenAt: Date): Promise<void> {
  for (let i = 0; i < isbns.length; i += 20)
    await Promise.all(
      isbns.slice(i, i + 20).map((isbn) => addPlainBook(database, { isbn, salesOpenAt, copies: 10 })),
    )
}

/** The books of each piece of news in the outbox, the oldest first. */
async function newsOf(database: Database): Promise<{ isbn: string; status: string }[][]> {
  type News = { books: { isbn: string; status: string }[] }
  const rows = await database.query<{ payload: News | string }>(
    `select payload from catalog.outbox where topic = 'stock.changed' order by id`,
  )
  return rows.map(
    ({ payload }) => (typeof payload === 'string' ? (JSON.parse(payload) as News) : payload).books,
  )
}
