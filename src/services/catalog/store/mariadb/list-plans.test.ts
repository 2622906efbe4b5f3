import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Database, openDatabase } from '#ports/database'
import { mariadbSkipped, testMariadb } from '../../../../../test/support/mariadb.ts'
import { addSyntheticBooksToMariadb } from '../../../../../test/support/synthetic-mariadb.ts'
import { readSearch } from '../../search/search.ts'
import { type BookOrder, countedMax } from '../book-store.ts'
import { openStore } from '../open-store.ts'
import { everything, planFilters } from '../suite/plan-filters.ts'
import { bookCounts } from './count-books.ts'
import { bookPage } from './list-books.ts'
import { createBookReader } from './reader.ts'

// More books than anything may count or look at. OCTAVO_BOOKS says another number.
const books = Number(process.env.OCTAVO_BOOKS ?? 30_000)
/** Rows that a page may touch, with those that a choice throws away and those of the server's own tables of them. */
const pageRowsMax = 12_000
/** What counting may, where each choice is counted once more without itself. */
const countRowsMax = 5 * countedMax

const filters: typeof planFilters = { ...planFilters, 'a wide price': { minPrice: 900 } }
const searches = { 'two words': 'w77 v7', 'a rare word': 'u1234', 'a slip': 'u1234q' }
const orders: BookOrder[] = ['bestselling', 'title', 'price', '-price', '-publishedOn']

test('no list on MariaDB reads the catalogue over and over, whatever is chosen and however far it is turned', {
  skip: mariadbSkipped,
}, async (t) => {
  const { url } = await testMariadb(t, 'plans')
  await using store = await openStore(url, { applicationName: 'plans' })
  await store.migrate()
  await using database = await openDatabase(url, {
    ...{ applicationName: 'plans', connectionsMax: 1, statementTimeoutMs: 600_000 },
  })
  await addSyntheticBooksToMariadb(database, books)
  await database.execute(
    'UPDATE stock SET copies = sold WHERE isbn IN (SELECT isbn FROM books WHERE limited = 1)',
  )
  const faults: string[] = []
  const check = async (what: string, rowsMax: number, work: () => Promise<unknown>) => {
    const before = await rowsRead(database)
    await work()
    const rows = (await rowsRead(database)) - before
    if (rows > rowsMax) faults.push(`${what} touches ${rows} rows`)
  }
  const lists = Object.entries(filters).map(([name, chosen]) => ({
    name,
    filter: { ...everything, ...chosen },
  }))
  const reader = createBookReader(database)
  for (const [name, words] of Object.entries(searches)) {
    await check(`reading ${name}`, pageRowsMax, () => readSearch(reader, words))
    lists.push({ name, filter: { ...everything, search: await readSearch(reader, words) } })
  }
  for (const { name, filter } of lists) {
    const { total: matches } = await bookCounts(database, filter)
    await check(`counting ${name}`, countRowsMax, () => bookCounts(database, filter))
    for (const order of filter.search.kind === 'words' ? [...orders, 'relevance' as const] : orders) {
      const query = { filter, order, limit: 24, matches }
      const { last } = await bookPage(database, query)
      await check(`${name} by ${order}`, pageRowsMax, () => bookPage(database, query))
      if (last === null) continue
      await check(`${name} by ${order}, second page`, pageRowsMax, () =>
        bookPage(database, { ...query, after: last }),
      )
    }
  }
  assert.deepEqual(faults, [])

  // Now many cannot be bought, and they are met on the way instead of being gathered.
  await database.execute(
    "UPDATE stock SET copies = sold WHERE isbn IN (SELECT isbn FROM books WHERE language = 'de')",
  )
  const filter = { ...everything, available: false, format: 'hardcover' }
  const { total } = await bookCounts(database, filter)
  const isbnsOf = async (order: BookOrder) =>
    (await bookPage(database, { filter, order, limit: 3, matches: total })).books.map(({ isbn }) => isbn)
  const plain = async (order: string) => {
    const rows = await database.query<{ isbn: string }>(
      `SELECT b.isbn FROM books b JOIN stock s ON s.isbn = b.isbn WHERE s.copies = s.sold AND b.format = 'hardcover' ORDER BY ${order}`,
    )
    return rows.map(({ isbn }) => isbn)
  }
  const [byTitle, bySales] = [await plain('b.title_folded, b.isbn'), await plain('s.sold DESC, s.isbn')]
  assert.equal(total, byTitle.length)
  assert.deepEqual(await isbnsOf('title'), byTitle.slice(0, 3))
  assert.deepEqual(await isbnsOf('bestselling'), bySales.slice(0, 3))
})

/** By this connection, of the server's own tables as well. Source: MariaDB and MySQL, server status variables. */
async function rowsRead(database: Database): Promise<number> {
  const rows = await database.query<{ Value: string }>("SHOW SESSION STATUS LIKE 'Handler_read_%'")
  return rows.reduce((sum, { Value }) => sum + Number(Value), 0)
}
