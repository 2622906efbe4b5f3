import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addPlainBook, openBookDb, testBookDb } from '../../../../test/support/book-db.ts'
import { catalogSecret, testCatalog, testSettings } from '../../../../test/support/catalog.ts'
import { fetchAsGateway } from '../../../../test/support/passed-on.ts'
import { createCatalog } from '../service.ts'
import { openStore } from '../store/open-store.ts'

test('catalog processes that start together load the sample catalogue once, and never again', async (t) => {
  const { url } = await testBookDb(t, 'sample_twice')
  const start = async () => {
    const catalog = await createCatalog(...testSettings(url, true))
    await catalog.start()
    return catalog
  }
  const [first, second] = await Promise.all([start(), start()])
  const count = async () =>
    (await (await fetchAsGateway(catalogSecret, 'catalog')(`${first.url}/api/books?limit=1`)).json()) as {
      total: number
    }
  const { total } = await count()
  assert.ok(total >= 300, `${total} books`)
  await using database = await openBookDb(url)
  await database.execute('delete from catalog.books')
  await second[Symbol.asyncDispose]()
  const third = await start()
  assert.equal((await count()).total, 0, 'a catalogue that was emptied stays empty')
  await third[Symbol.asyncDispose]()
  await first[Symbol.asyncDispose]()
})

test('the sample catalogue stays out of a catalogue that holds books, and out of one that wants none', async (t) => {
  const { url } = await testBookDb(t, 'sample_never')
  await using database = await openBookDb(url)
  await using store = await openStore(url, { applicationName: 'test' })
  await store.migrate()
  await addPlainBook(database, { isbn: '9780441172719' })
  await using catalog = await createCatalog(...testSettings(url, true))
  await catalog.start()
  const [row] = await database.query<{ count: number }>('select count(*) as count from catalog.books')
  assert.equal(Number(row?.count), 1)
  const { call } = await testCatalog(t, 'sample_off', { demo: false })
  assert.equal((await call('GET', '/api/books')).body.total, 0)
})

test('the sample catalogue has drops: limited, free and still to come, each with a cover', async (t) => {
  const { call } = await testCatalog(t, 'sample_drops', { demo: true })
  const { body } = await call('GET', '/api/books?limited=true&limit=100')
  assert.ok(body.total >= 6, `${body.total} limited editions`)
  assert.ok(body.items.some((book: { price: { amount: number } }) => book.price.amount === 0))
  assert.ok(
    body.items.some((book: { availability: { status: string } }) => book.availability.status === 'upcoming'),
  )
  const cover = await call('GET', body.items[0].cover)
  assert.deepEqual([cover.status, cover.headers.get('content-type')], [200, 'image/svg+xml; charset=utf-8'])
  const again = await call('GET', body.items[0].cover, undefined, {
    'if-none-match': cover.headers.get('etag') ?? '',
  })
  assert.deepEqual([again.status, again.body], [304, ''])
  assert.equal((await call('GET', '/api/books/9780141439518999/cover.svg')).status, 400)
})
