import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Database, migrate, openDatabase } from '#ports/database'
import { testDatabase } from '../../../../../test/support/database.ts'
import { rowsTouchedIn } from '../../../../../test/support/rows-touched.ts'
import { addSyntheticBooks } from '../../../../../test/support/synthetic-books.ts'
import { readSearch } from '../../search/search.ts'
import type { WordSearch } from '../../search/word-search.ts'
import { type BookOrder, countedMax } from '../book-store.ts'
import { everything, planFilters as filters } from '../suite/plan-filters.ts'
import { createBookReader } from './books.ts'
import { bookCounts, bookPage } from './list-books.ts'

// More books than anything may count or look at. OCTAVO_BOOKS=1000000 tries the same on a large catalogue.
const books = Number(process.env.OCTAVO_BOOKS ?? 30_000)
const rowsTouched = rowsTouchedIn(['books', 'stock', 'words'])
/** Rows that a page may touch, with those that a choice throws away; and what counting may. */
const pageRowsMax = 12_000
/** By relevance all that match are ranked, up to what is counted. */
const rankRowsMax = 2.5 * countedMax
const countRowsMax = 2.5 * countedMax

const searches = {
  'two words': 'w77 v7',
  'a common beginning': 'w1',
  'a rare word': 'u1234',
  'a slip': 'u1234q',
}
const orders: BookOrder[] = ['bestselling', 'title', 'price', '-price', '-publishedOn']

test('no list reads the catalogue from end to end, whatever is chosen and however far it is turned', async (t) => {
  const { url } = await testDatabase(t, 'plans', 'books')
  await using database = await openDatabase(url, {
    applicationName: 'plans',
    connectionsMax: 2,
    statementTimeoutMs: 600_000,
  })
  await migrate(database, new URL('./migrations/', import.meta.url), 'catalog')
  await addSyntheticBooks(database, books)
  await database.execute(
    'UPDATE catalog.stock SET copies = sold WHERE isbn IN (SELECT isbn FROM catalog.books WHERE limited)',
  )
  const faults: string[] = []
  const check = async (what: string, rowsMax: number, work: (database: Database) => Promise<unknown>) => {
    const rows = await rowsTouched(database, work)
    if (rows > rowsMax) faults.push(`${what} touches ${rows} rows`)
  }
  const lists = Object.entries(filters).map(([name, chosen]) => ({
    name,
    filter: { ...everything, ...chosen },
  }))
  for (const [name, words] of Object.entries(searches)) {
    await check(`reading ${name}`, pageRowsMax, (recorded) => readSearch(createBookReader(recorded), words))
    const search = await readSearch(createBookReader(database), words)
    lists.push({ name, filter: { ...everything, search } })
  }
  for (const { name, filter } of lists) {
    const { total: matches } = await bookCounts(database, filter)
    await check(`counting ${name}`, countRowsMax * 4, (recorded) => bookCounts(recorded, filter))
    for (const order of filter.search.kind === 'words' ? [...orders, 'relevance' as const] : orders) {
      const rowsMax = order === 'relevance' ? rankRowsMax : pageRowsMax
      const first = await bookPage(database, { filter, order, limit: 24, matches })
      await check(`${name} by ${order}`, rowsMax, (recorded) =>
        bookPage(recorded, { filter, order, limit: 24, matches }),
      )
      const { last } = first
      if (last === null) continue
      await check(`${name} by ${order}, second page`, rowsMax, (recorded) =>
        bookPage(recorded, { filter, order, limit: 24, matches, after: last }),
      )
    }
  }
  await database.execute(
    `UPDATE catalog.books
        SET search = search || CASE WHEN limited THEN '' WHEN sold_even THEN 'leftward' ELSE 'rightward' END::tsvector
       FROM (SELECT isbn, sold % 2 = 0 AS sold_even FROM catalog.stock) s
      WHERE s.isbn = books.isbn`,
  )
  await database.execute('ANALYZE catalog.books')
  const apart = {
    ...(await readSearch(createBookReader(database), 'w1 v1')),
    words: [['leftward'], ['rightward']],
  }
  await check('finding common words that never stand together', pageRowsMax, (recorded) =>
    createBookReader(recorded).finds(apart as WordSearch),
  )
  assert.deepEqual(faults, [])

  await database.execute('DROP INDEX catalog.stock_bestselling')
  const without = await rowsTouched(database, (recorded) =>
    bookPage(recorded, { filter: everything, order: 'bestselling', limit: 24 }),
  )
  assert.ok(without >= books, 'without its index a list does read everything, and this test notices')
})
