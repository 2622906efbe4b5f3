import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testCatalog } from '../../../../test/support/catalog.ts'

test('a cover is kept for ever under the address that the book says, and for a while under any other', async (t) => {
  const { call } = await testCatalog(t, 'covers')
  const isbn = '9780141439518'
  const price = { amount: 100, currency: 'EUR' }
  const { body: book } = await call('POST', '/api/books', { isbn, title: 'First', price })
  const first = await call('GET', book.cover)
  assert.equal(first.headers.get('cache-control'), 'public, max-age=31536000, immutable')
  const { body: renamed } = await call('PATCH', `/api/books/${isbn}`, { title: 'Second' })
  assert.notEqual(renamed.cover, book.cover)
  for (const old of [book.cover, `/api/books/${isbn}/cover.svg`]) {
    const answer = await call('GET', old)
    assert.equal(answer.status, 200)
    assert.doesNotMatch(answer.headers.get('cache-control') ?? '', /immutable/)
    assert.match(answer.body, /Second/)
  }
})
