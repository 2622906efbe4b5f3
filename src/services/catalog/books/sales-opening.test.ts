import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { openDatabase } from '#ports/database'
import { testDatabase } from '../../../../test/support/database.ts'
import { until } from '../../../../test/support/until.ts'
import { openStore } from '../store/open-store.ts'
import { watchSalesOpening } from './sales-opening.ts'

test('all are told of, however many sales open at once', async (t) => {
  const { url } = await testDatabase(t, 'sales_opening')
  await using database = await openDatabase(url, { applicationName: 'test' })
  await using store = await openStore(url, { applicationName: 'test' })
  await store.migrate()
  let rings = 0
  await using _ = watchSalesOpening(store.books, systemClock, () => rings++)
  await database.query(
    `with books as (
       insert into catalog.books (isbn, title, price_amount, price_currency, sales_open_at)
       select '9780' || i, 'Drop', 1, 'EUR', date_trunc('second', now()) + interval '3 seconds' from generate_series(100000000, 100001100) i
       returning isbn)
     insert into catalog.stock (isbn, copies) select isbn, 10 from books`,
  )
  await until(() => rings === 3)
  const [told] = await database.query(
    `select count(distinct book ->> 'isbn')::int as books, count(*)::int as news
       from catalog.outbox, jsonb_array_elements(payload::jsonb -> 'books') book
      where topic = 'stock.changed'`,
  )
  assert.deepEqual(told, { books: 1_101, news: 1_101 })
})

test('who watches a drop is told when its sale opens, once', async (t) => {
  const { url } = await testDatabase(t, 'sales_opening')
  await using database = await openDatabase(url, { applicationName: 'test' })
  await using store = await openStore(url, { applicationName: 'test' })
  await store.migrate()
  for (const [isbn, when] of [
    ['9780441172719', '1 hour'],
    ['9780141439518', '1 hour'],
    ['9780261103344', '1 hour'],
    ['9780306406157', '-1 hour'],
  ])
    await database.query(
      `with book as (
         insert into catalog.books (isbn, title, price_amount, price_currency, sales_open_at)
         values ($1, 'Drop', 1, 'EUR', now() + $2::interval) returning isbn)
       insert into catalog.stock (isbn, copies) select isbn, 10 from book`,
      [isbn, when],
    )
  let rings = 0
  const watch = watchSalesOpening(store.books, systemClock, () => rings++)
  for (const [i, isbn] of ['9780441172719', '9780261103344'].entries()) {
    await database.query(
      `update catalog.books set sales_open_at = now() + interval '1 second' where isbn = $1`,
      [isbn],
    )
    await until(() => rings > i)
  }
  await watch[Symbol.asyncDispose]()
  const rows = await database.query<{
    payload: { books: { isbn: string; status: string }[] }
  }>(`select payload from catalog.outbox where topic = 'stock.changed' order by id`)
  assert.deepEqual([rows.length, rings], [2, 2])
  assert.deepEqual(
    rows.flatMap(({ payload }) => payload.books.map(({ isbn, status }) => [isbn, status])),
    [
      ['9780441172719', 'in-stock'],
      ['9780261103344', 'in-stock'],
    ],
  )
})
