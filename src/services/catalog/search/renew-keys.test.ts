import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addPlainBook, bookDbKind, openBookDb } from '../../../../test/support/book-db.ts'
import { testCatalog } from '../../../../test/support/catalog.ts'
import { openStore } from '../store/open-store.ts'
import { renewKeys } from './renew-keys.ts'

const isbn = '9780441172719'

test('books that an older version wrote are found by what they say, once they have new keys', async (t) => {
  const { call, databaseUrl } = await testCatalog(t, 'old_keys')
  await using database = await openBookDb(databaseUrl)
  await using store = await openStore(databaseUrl, { applicationName: 'test' })
  const found = async (q: string) =>
    (await call('GET', `/api/books?${new URLSearchParams({ q })}`)).body.total
  await addPlainBook(database, { isbn, title: 'Smørrebrød' })
  // The service does the same in the background: whoever comes first.
  await renewKeys(store.books)
  assert.equal(await renewKeys(store.books), 0)
  assert.deepEqual([await found('smorrebrod'), await found('smørrebrød')], [1, 1])
  // An edit by hand; only PostgreSQL's trigger notices that it needs new keys.
  if (bookDbKind !== 'postgres') return
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
