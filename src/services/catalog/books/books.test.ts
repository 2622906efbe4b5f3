import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs } from '#kernel/day'
import { testCatalog } from '../../../../test/support/catalog.ts'

const dune = {
  isbn: '978-0-441-17271-9',
  title: 'Dune',
  contributors: [{ name: 'Frank Herbert', role: 'author' }],
  publishedOn: '1965',
  language: 'en',
  format: 'paperback',
  subjects: ['Science fiction', 'Deserts'],
  price: { amount: 1250, currency: 'EUR' },
}
const path = '/api/books/9780441172719'

test('a book is added, read by any form of its ISBN, replaced, changed and removed', async (t) => {
  const { call } = await testCatalog(t, 'books')
  const added = await call('POST', '/api/books', dune)
  assert.equal(added.status, 201)
  assert.equal(added.headers.get('location'), path)
  assert.equal(added.body.isbn, '9780441172719')
  assert.deepEqual(added.body.availability, { available: 0, status: 'sold-out' })
  assert.match(added.body.cover, /^\/api\/books\/9780441172719\/cover\.svg\?v=/)

  for (const isbn of ['9780441172719', '978-0-441-17271-9', '0441172717', '0-441-17271-7']) {
    const read = await call('GET', `/api/books/${isbn}`)
    assert.deepEqual([read.status, read.body], [200, added.body], isbn)
  }

  const { isbn: _isbn, ...rest } = dune
  const replaced = await call('PUT', path, { ...rest, title: 'Dune, again', subjects: undefined })
  assert.equal(replaced.status, 200)
  assert.deepEqual([replaced.body.title, replaced.body.subjects], ['Dune, again', []])

  const changed = await call(
    'PATCH',
    path,
    { publisher: 'Ace', language: null, price: { amount: 900 } },
    { 'content-type': 'application/merge-patch+json' },
  )
  assert.equal(changed.status, 200)
  assert.deepEqual(
    [changed.body.publisher, changed.body.language, changed.body.price, changed.body.title],
    ['Ace', null, { amount: 900, currency: 'EUR' }, 'Dune, again'],
  )

  assert.equal((await call('DELETE', path)).status, 204)
  const gone = await call('GET', path)
  assert.equal(gone.status, 404)
  assert.match(gone.headers.get('content-type') ?? '', /^application\/problem\+json/)
  for (const method of ['PUT', 'PATCH', 'DELETE'])
    assert.equal(
      (await call(method, path, method === 'PUT' ? rest : method === 'PATCH' ? {} : undefined)).status,
      404,
    )
})

test('only managers edit, and everybody reads', async (t) => {
  const { call } = await testCatalog(t, 'staff')
  assert.equal((await call('POST', '/api/books', dune, { authorization: '' })).status, 401)
  assert.equal((await call('POST', '/api/books', dune, { authorization: 'Bearer bookseller' })).status, 403)
  assert.equal((await call('POST', '/api/books', dune)).status, 201)
  assert.equal((await call('GET', path, undefined, { authorization: '' })).status, 200)
  assert.equal((await call('DELETE', path, undefined, { authorization: '' })).status, 401)
})

test('an ISBN is taken once, also by two booksellers at the same moment', async (t) => {
  const { call } = await testCatalog(t, 'taken')
  const replies = await Promise.all(Array.from({ length: 8 }, () => call('POST', '/api/books', dune)))
  assert.deepEqual(replies.map((reply) => reply.status).sort(), [201, 409, 409, 409, 409, 409, 409, 409])
  const refused = replies.find((reply) => reply.status === 409)
  assert.match(refused?.body.type, /isbn-taken$/)
})

test('a book has a strong entity tag that changes with the book, and spares an unchanged answer', async (t) => {
  const { call } = await testCatalog(t, 'etag')
  const tag = (await call('POST', '/api/books', dune)).headers.get('etag') ?? ''
  assert.match(tag, /^"[^"]+"$/)
  const read = await call('GET', path)
  assert.equal(read.headers.get('etag'), tag)
  const unchanged = await call('GET', path, undefined, { 'if-none-match': `"other", W/${tag}` })
  assert.deepEqual([unchanged.status, unchanged.body], [304, ''])
  assert.equal((await call('PATCH', path, { title: 'Dune' })).headers.get('etag'), tag, 'nothing changed')
  await call('PATCH', path, { title: 'Dune II' })
  const again = await call('GET', path, undefined, { 'if-none-match': tag })
  assert.equal(again.status, 200)
  assert.notEqual(again.headers.get('etag'), tag)
})

test('of two edits that start from the same book the second is refused', async (t) => {
  const { call } = await testCatalog(t, 'if_match')
  const tag = (await call('POST', '/api/books', dune)).headers.get('etag') ?? ''
  const edits = await Promise.all(
    ['one', 'two', 'three'].map((title) => call('PATCH', path, { title }, { 'if-match': tag })),
  )
  assert.deepEqual(edits.map((edit) => edit.status).sort(), [200, 412, 412])
  assert.equal((await call('DELETE', path, undefined, { 'if-match': tag })).status, 412)
  assert.equal(
    (await call('PATCH', path, { title: 'any' }, { 'if-match': `W/${tag}` })).status,
    412,
    'weak tags never match',
  )
  assert.equal((await call('PATCH', path, { title: 'any' }, { 'if-match': '*' })).status, 200)
  const current = (await call('GET', path)).headers.get('etag') ?? ''
  assert.equal((await call('PATCH', path, { title: 'x' }, { 'if-match': `"zz", ${current}` })).status, 200)
})

const { isbn: _isbn, ...withoutIsbn } = dune
const wrong: [string, string, unknown][] = [
  ['POST', '/api/books', '{"isbn": '],
  ['POST', '/api/books', '[]'],
  ['POST', '/api/books', 'null'],
  ['POST', '/api/books', {}],
  ['POST', '/api/books', { ...dune, isbn: '9780441172718' }],
  ['POST', '/api/books', { ...dune, isbn: 'not an isbn' }],
  ['POST', '/api/books', { ...dune, colour: 'red' }],
  ['POST', '/api/books', { ...dune, title: '' }],
  ['POST', '/api/books', { ...dune, title: ' \t ' }],
  ['POST', '/api/books', { ...dune, title: 'bell\u0007' }],
  ['POST', '/api/books', { ...dune, title: 'zero\u0000' }],
  ['POST', '/api/books', { ...dune, title: 'x'.repeat(501) }],
  ['POST', '/api/books', '{"isbn":"9780141439518","title":"\\ud800","price":{"amount":1,"currency":"EUR"}}'],
  ['POST', '/api/books', { ...dune, contributors: [{ name: 'half \ud800', role: 'author' }] }],
  ['POST', '/api/books', { ...dune, contributors: [{ name: 'A' }] }],
  ['POST', '/api/books', { ...dune, publishedOn: '2023-02-30' }],
  ['POST', '/api/books', { ...dune, publishedOn: '-0000' }],
  ['POST', '/api/books', { ...dune, price: { amount: 12.5, currency: 'EUR' } }],
  ['POST', '/api/books', { ...dune, price: { amount: '1250', currency: 'EUR' } }],
  ['POST', '/api/books', { ...dune, price: { amount: -1, currency: 'EUR' } }],
  ['POST', '/api/books', { ...dune, price: { amount: 1e300, currency: 'EUR' } }],
  ['POST', '/api/books', { ...dune, price: { amount: 1, currency: 'eur' } }],
  ['POST', '/api/books', { ...dune, salesOpenAt: '0000-01-01T00:00:00Z' }],
  ['POST', '/api/books', { ...dune, salesOpenAt: 'tomorrow' }],
  ['POST', '/api/books', { ...dune, salesOpenAt: '2026-12-31T23:59:60Z' }],
  ['POST', '/api/books', { ...dune, perCustomer: 0 }],
  ['POST', '/api/books', { ...dune, cover: 'javascript:alert(1)' }],
  ['POST', '/api/books', { ...dune, language: 'English' }],
  ['PUT', path, { ...withoutIsbn, isbn: '9780141439518' }],
  ['PUT', path, { title: 'no price' }],
  ['PATCH', path, { title: null }],
  ['PATCH', path, { isbn: '9780441172719' }],
  ['PATCH', path, { availability: { available: 5 } }],
  ['GET', '/api/books/9780441172718', undefined],
  ['GET', '/api/books/%00', undefined],
  ['GET', '/api/books/nonsense', undefined],
  ['GET', '/api/books?limit=0', undefined],
  ['GET', '/api/books?limit=101', undefined],
  ['GET', '/api/books?limit=ten', undefined],
  ['GET', '/api/books?cursor=nonsense', undefined],
  ['GET', '/api/books?cursor=WyJ0aXRsZSJd', undefined],
  ['GET', '/api/books?sort=colour', undefined],
  ['GET', '/api/books?colour=red', undefined],
  ['GET', '/api/books?minPrice=-1', undefined],
  ['GET', '/api/books?limited=perhaps', undefined],
  ['GET', '/api/books?subject=%00', undefined],
  ['GET', `/api/books?q=${'x'.repeat(201)}`, undefined],
  ['GET', '/api/imports/nonsense', undefined],
]

test('wrong input is answered with 400 and every wrong field, never with a fault of ours', async (t) => {
  const { call } = await testCatalog(t, 'wrong')
  await call('POST', '/api/books', dune)
  for (const [method, where, body] of wrong) {
    const reply = await call(method, where, body)
    const shown = `${method} ${where.slice(0, 80)} ${JSON.stringify(body)?.slice(0, 120)}`
    assert.equal(reply.status, 400, `${shown} → ${reply.status} ${JSON.stringify(reply.body).slice(0, 300)}`)
    assert.match(reply.headers.get('content-type') ?? '', /^application\/problem\+json/, shown)
    assert.doesNotMatch(JSON.stringify(reply.body), /\bat .*\.ts:|node_modules/, shown)
  }
  const many = await call('POST', '/api/books', {
    ...dune,
    title: '',
    price: { amount: -1, currency: 'x' },
  })
  const fields = many.body.errors.map((error: { field: string }) => error.field)
  assert.deepEqual([...new Set(fields)].sort(), ['price.amount', 'price.currency', 'title'])
  const large = await call('POST', '/api/books', { ...dune, description: 'x'.repeat(10 * 1024 * 1024) })
  assert.equal(large.status, 413)
})

test('odd but harmless searches and filters find nothing and break nothing', async (t) => {
  const { call } = await testCatalog(t, 'odd')
  await call('POST', '/api/books', dune)
  const nothing = [
    'q=!!!',
    'q=%F0%9F%93%9A',
    'q=%27%3A*%26%7C!()%5C',
    'subject=%25',
    'language=xx',
    'minPrice=999999999999999',
  ]
  for (const query of nothing) {
    const reply = await call('GET', `/api/books?${query}`)
    assert.deepEqual([reply.status, reply.body.total, reply.body.items], [200, 0, []], query)
  }
  for (const query of [
    '',
    'q=',
    'q=%00',
    'q=%20',
    'q=dune%00',
    'maxPrice=999999999999999',
    'q=D%C3%9ANE',
    'limit=1',
  ]) {
    const reply = await call('GET', `/api/books?${query}`)
    assert.deepEqual([reply.status, reply.body.total], [200, 1], query)
  }
})

test('availability tells upcoming, sold out, low and in stock apart', async (t) => {
  const { call } = await testCatalog(t, 'availability')
  const tomorrow = new Date(Date.now() + dayMs).toISOString()
  await call('POST', '/api/books', { ...dune, salesOpenAt: tomorrow })
  const upcoming = await call('GET', `${path}/availability`)
  assert.deepEqual([upcoming.body.isbn, upcoming.body.status], ['9780441172719', 'upcoming'])
  assert.ok(Date.parse(upcoming.body.asOf) > Date.now() - 60_000)
  await call('PATCH', path, { salesOpenAt: null })
  assert.equal((await call('GET', `${path}/availability`)).body.status, 'sold-out')
  assert.equal((await call('GET', '/api/books/9780141439518/availability')).status, 404)
})
