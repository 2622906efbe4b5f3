import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '#ports/database'
import { testCatalog } from '../../../../test/support/catalog.ts'
import { openStore } from '../store/open-store.ts'
import { renewKeys } from './renew-keys.ts'

const isbn = '9780441172719'

test('books that an older version wrote are found by what they say, once they have new keys', async (t) => {
  const { call, databaseUrl } = await testCatalog(t, 'old_keys')
  await using database = await openDatabase(databaseUrl, { applicationName: 'test' })
  await using store = await openStore(databaseUrl, { applicationName: 'test' })
  const found = async (q: string) =>
    (await call('GET', `/api/books?${new URLSearchParams({ q })}`)).body.total
  await database.execute(
    `INSERT INTO catalog.books (isbn, title, price_amount, price_currency) VALUES ($1, 'Smørrebrød', 1, 'EUR')`,
    [isbn],
  )
  await database.execute('INSERT INTO catalog.stock (isbn) VALUES ($1)', [isbn])
  // The service does the same in the background: whoever comes first.
  await renewKeys(store.books)
  assert.equal(await renewKeys(store.books), 0)
  assert.deepEqual([await found('smorrebrod'), await found('smørrebrød')], [1, 1])
  await database.execute(`UPDATE catalog.books SET title = 'Rødgrød' WHERE isbn = $1`, [isbn])
  await renewKeys(store.books)
  assert.deepEqual([await found('smorrebrod'), await found('rodgrod')], [0, 1])
})

test('what is written now has its keys already', async (t) => {
  const { call, databaseUrl } = await testCatalog(t, 'new_keys')
  await using store = await openStore(databaseUrl, { applicationName: 'test' })
  const book = { isbn, title: 'Dune', price: { amount: 1, currency: 'EUR' } }
  assert.equal((await call('POST', '/api/books', book)).status, 201)
  assert.equal((await call('PATCH', `/api/books/${isbn}`, { title: 'Dune, again' })).status, 200)
  assert.equal((await call('PATCH', `/api/books/${isbn}`, { price: { amount: 2 } })).status, 200)
  assert.equal(await renewKeys(store.books), 0)
})
