import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs } from '#kernel/day'
import { checkDigit13 } from '#kernel/isbn'
import { openBookDb } from '../../../../test/support/book-db.ts'
import { type TestCatalog, testCatalog } from '../../../../test/support/catalog.ts'

const isbnOf = (i: number) => {
  const twelve = `978${String(100_000_000 + i)}`
  return twelve + checkDigit13(twelve)
}

const subjects = ['Poetry', 'Science', 'Travel']
const formats = ['hardcover', 'paperback']
const languages = ['en', 'en-GB', 'fr', null]

async function add(catalog: TestCatalog, i: number, changes: Record<string, unknown> = {}): Promise<void> {
  const reply = await catalog.call('POST', '/api/books', {
    isbn: isbnOf(i),
    title: `Book ${String(i % 7)} of ${i}`,
    publishedOn: i % 5 === 0 ? null : String(1900 + (i % 50)),
    subjects: subjects.filter((_, s) => i % (s + 2) === 0),
    format: formats[i % 2],
    language: languages[i % 4],
    price: { amount: (i % 6) * 100, currency: 'EUR' },
    ...changes,
  })
  assert.equal(reply.status, 201, JSON.stringify(reply.body))
}

/** Every page of a list, by the `Link` header or by the cursor. */
async function everyPage(catalog: TestCatalog, query: string, between?: (page: number) => Promise<void>) {
  const isbns: string[] = []
  let path: string | undefined = `/api/books?${query}`
  for (let page = 0; path !== undefined; page++) {
    const { body, headers }: Awaited<ReturnType<TestCatalog['call']>> = await catalog.call('GET', path)
    isbns.push(...body.items.map((item: { isbn: string }) => item.isbn))
    const link = /^<([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '')
    assert.equal(link === null, body.next === null)
    if (link !== null) assert.equal(new URL(link[1] ?? '', 'http://x').searchParams.get('cursor'), body.next)
    path = link?.[1]
    await between?.(page)
    assert.ok(page < 100, 'paging does not end')
  }
  return isbns
}

test('paging goes on behind the longest title in any script', async (t) => {
  const catalog = await testCatalog(t, 'long_titles')
  for (const [i, letter] of ['書', 'Ж', '𠀀'].entries())
    await add(catalog, i, { title: letter.repeat(200 / letter.length) })
  assert.equal((await everyPage(catalog, 'sort=title&limit=1')).length, 3)
})

test('paging shows every book once in every order, also while books are added', async (t) => {
  const catalog = await testCatalog(t, 'paging')
  const count = 60
  for (let i = 0; i < count; i++) await add(catalog, i)
  const expected = Array.from({ length: count }, (_, i) => isbnOf(i)).sort()
  for (const sort of [
    '',
    'sort=relevance',
    'sort=title',
    'sort=price',
    'sort=-price',
    'sort=-publishedOn',
    'sort=bestselling',
    'q=book',
    'q=book&sort=title',
  ]) {
    const isbns = await everyPage(catalog, `limit=7&${sort}`)
    assert.deepEqual(isbns.toSorted(), expected, sort)
  }
  let next = 1000
  const during = await everyPage(catalog, 'limit=7&sort=price', async () => add(catalog, next++))
  assert.deepEqual([...new Set(during)].length, during.length, 'no book twice')
  for (const isbn of expected) assert.ok(during.includes(isbn), 'no book left out')
})

test('orders are what they say', async (t) => {
  const catalog = await testCatalog(t, 'orders')
  for (let i = 0; i < 30; i++) await add(catalog, i, i === 3 ? { title: 'Ärger im Süden' } : {})
  const values = async (
    query: string,
    pick: (book: { title: string; price: { amount: number }; publishedOn: string | null }) => unknown,
  ) => (await catalog.call('GET', `/api/books?limit=100&${query}`)).body.items.map(pick)
  const prices = await values('sort=price', (book) => book.price.amount)
  assert.deepEqual(
    prices,
    prices.toSorted((a: number, b: number) => a - b),
  )
  assert.deepEqual(await values('sort=-price', (book) => book.price.amount), prices.toReversed())
  const years = await values('sort=-publishedOn', (book) => Number(book.publishedOn ?? -1))
  assert.deepEqual(
    years,
    years.toSorted((a: number, b: number) => b - a),
  )
  const titles = await values('sort=title', (book) => book.title)
  assert.equal(titles[0], 'Ärger im Süden')
  await using database = await openBookDb(catalog.databaseUrl)
  await database.execute('update catalog.stock set copies = 9, sold = 5 where isbn = $1', [isbnOf(17)])
  await database.execute('update catalog.stock set copies = 9, sold = 2 where isbn = $1', [isbnOf(4)])
  const sold = (await catalog.call('GET', '/api/books?sort=bestselling')).body.items
  assert.deepEqual([sold[0].isbn, sold[1].isbn], [isbnOf(17), isbnOf(4)])
  assert.equal((await catalog.call('GET', '/api/books?q=book')).body.items.length, 24, 'the default limit')
})

test('a facet counts what choosing its value would give with the other filters in force', async (t) => {
  const catalog = await testCatalog(t, 'facets')
  for (let i = 0; i < 40; i++) await add(catalog, i)
  for (const filter of [
    '',
    'format=hardcover',
    'language=en',
    'subject=Poetry&format=paperback',
    'q=book&maxPrice=300',
    'subject=Poetry&language=en&minPrice=100',
  ]) {
    const { body } = await catalog.call('GET', `/api/books?${filter}`)
    for (const facet of ['subject', 'format', 'language'])
      for (const { value, count } of body.facets[facet]) {
        const query = new URLSearchParams(filter)
        query.set(facet, value)
        const chosen = (await catalog.call('GET', `/api/books?${query}`)).body
        assert.equal(chosen.total, count, `${filter} + ${facet}=${value}`)
      }
    const counts = body.facets.subject.map(({ count }: { count: number }) => count)
    assert.deepEqual(
      counts,
      counts.toSorted((a: number, b: number) => b - a),
    )
  }
  const languages = (await catalog.call('GET', '/api/books')).body.facets.language
  assert.deepEqual(languages.map(({ value }: { value: string }) => value).sort(), ['en', 'fr'])
})

test('filters narrow the list', async (t) => {
  const catalog = await testCatalog(t, 'filters')
  const tomorrow = new Date(Date.now() + dayMs).toISOString()
  await add(catalog, 1, { limited: true })
  await add(catalog, 2, { salesOpenAt: tomorrow })
  await add(catalog, 3)
  await using database = await openBookDb(catalog.databaseUrl)
  await database.execute('update catalog.stock set copies = 2 where isbn <> $1', [isbnOf(3)])
  const found = async (query: string) =>
    (await catalog.call('GET', `/api/books?${query}`)).body.items
      .map((item: { isbn: string }) => item.isbn)
      .sort()
  assert.deepEqual(await found('limited=true'), [isbnOf(1)])
  assert.deepEqual(await found('limited=false'), [isbnOf(2), isbnOf(3)])
  assert.deepEqual(await found('available=true'), [isbnOf(1)], 'neither sold out nor upcoming')
  assert.deepEqual(await found('available=false'), [isbnOf(2), isbnOf(3)])
  assert.deepEqual(await found('minPrice=200&maxPrice=300'), [isbnOf(2), isbnOf(3)])
  assert.deepEqual(await found('language=en-GB'), [isbnOf(1)])
  assert.deepEqual(await found('language=EN'), [isbnOf(1)])
})

test('a cursor of one order is no cursor of another', async (t) => {
  const catalog = await testCatalog(t, 'cursors')
  for (let i = 0; i < 3; i++) await add(catalog, i)
  const { next } = (await catalog.call('GET', '/api/books?limit=1&sort=title')).body
  assert.equal((await catalog.call('GET', `/api/books?limit=1&sort=title&cursor=${next}`)).status, 200)
  for (const query of [`sort=price&cursor=${next}`, `cursor=${next}`, `sort=title&cursor=${next}x`])
    assert.equal((await catalog.call('GET', `/api/books?${query}`)).status, 400, query)
})
