import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accepted, wrongFields } from './client.ts'
import { addBook, confirmed, type Shop, setStock } from './shop.ts'

const titles = ['Ash', 'Birch', 'Cedar', 'Damson', 'Elder', 'Fir', 'Gorse', 'Hazel', 'Ivy', 'Juniper']
const subject = 'Trees of the north'

/** Lists of books: pages, filters, order, facets, search. */
export function bookListSuite(shop: () => Shop): void {
  let isbns: string[] = []
  const list = async (query: string) =>
    accepted(await shop().get(`/api/books?subject=${encodeURIComponent(subject)}&${query}`))
  const titlesOf = async (query: string) =>
    (await list(query)).items.map((book: { title: string }) => book.title)

  test('books are there to be listed', async () => {
    isbns = await Promise.all(
      titles.map((title, i) =>
        addBook(shop(), {
          title,
          amount: 1000 + 100 * (i % 5),
          publishedOn: String(1900 + i),
          copies: i === 0 ? 0 : 10,
          limited: i < 3,
          format: i % 2 === 0 ? 'hardback' : 'paperback',
          language: i < 4 ? 'en' : i < 7 ? 'de' : 'en-GB',
          subjects: [subject, i < 5 ? 'Low' : 'High'],
          ...(i === 9 && { salesOpenAt: '2099-01-01T00:00:00Z' }),
        }),
      ),
    )
  })

  test('a page has its items, the total, what follows and the facets', async () => {
    const page = await list('limit=3&sort=title')
    assert.deepEqual(Object.keys(page).sort(), ['facets', 'items', 'next', 'total', 'totalIsLowerBound'])
    assert.equal(page.items.length, 3)
    assert.equal(page.total, 10)
    assert.equal(typeof page.next, 'string')
    assert.deepEqual(Object.keys(page.facets).sort(), ['format', 'language', 'subject'])
    const hardback = { value: 'hardback', count: 5 }
    assert.deepEqual(page.facets.format, [hardback, { value: 'paperback', count: 5 }])
    assert.ok(
      page.facets.subject.some(
        (each: { value: string; count: number }) => each.value === 'Low' && each.count === 5,
      ),
    )
    assert.deepEqual((await list('')).next, null)
  })

  test('following cursors and links shows every book once, whatever the order and whatever is sold', async () => {
    for (const sort of ['relevance', 'title', 'price', '-price', '-publishedOn', 'bestselling'])
      for (const limit of [1, 3, 4, 10]) {
        const seen: string[] = []
        let path: string | undefined =
          `/api/books?subject=${encodeURIComponent(subject)}&limit=${limit}&sort=${sort}`
        while (path !== undefined) {
          const reply = await shop().get(path)
          const page = accepted(reply)
          seen.push(...page.items.map((book: { isbn: string }) => book.isbn))
          const link = /^<([^>]+)>; rel="next"$/.exec(reply.headers.get('link') ?? '')?.[1]
          assert.equal(link === undefined, page.next === null, 'a link as long as there is a cursor')
          if (link !== undefined)
            assert.equal(new URL(link, shop().url).searchParams.get('cursor'), page.next)
          path = link
        }
        assert.deepEqual(seen.toSorted(), isbns.toSorted(), `${sort} by ${limit}`)
      }
  })

  test('a page begins where the last one ended, though books come and go meanwhile', async () => {
    const first = await list('limit=4&sort=title')
    await addBook(shop(), { title: 'Acacia', subjects: ['Low'] })
    const extra = await addBook(shop(), { title: 'Apple', subjects: [subject], copies: 0 })
    const second = await list(`limit=4&sort=title&cursor=${first.next}`)
    assert.equal((await shop().delete(`/api/books/${extra}`, { token: shop().staff })).status, 204)
    assert.deepEqual(
      second.items.map((book: { title: string }) => book.title),
      titles.slice(4, 8),
    )
  })

  test('each order is what it says', async () => {
    assert.deepEqual(await titlesOf('sort=title'), titles)
    assert.deepEqual(await titlesOf('sort=-publishedOn'), titles.toReversed())
    const amounts = async (sort: string) =>
      (await list(`sort=${sort}`)).items.map((book: { price: { amount: number } }) => book.price.amount)
    assert.deepEqual(
      await amounts('price'),
      (await amounts('price')).toSorted((a: number, b: number) => a - b),
    )
    assert.deepEqual(await amounts('-price'), (await amounts('price')).toReversed())
    await confirmed(shop(), isbns[4] as string, 2)
    assert.equal((await titlesOf('sort=bestselling'))[0], 'Elder')
  })

  test('each filter leaves what it says', async () => {
    const some = (from: number, to?: number) => titles.slice(from, to)
    const filters: [string, string[]][] = [
      ['limited=true', some(0, 3)],
      ['limited=false', some(3)],
      ['available=true', some(1, 9)],
      ['available=false', ['Ash', 'Juniper']],
      ['language=de', some(4, 7)],
      ['language=en-GB', some(7)],
      ['minPrice=1300', ['Damson', 'Elder', 'Ivy', 'Juniper']],
      ['maxPrice=1000', ['Ash', 'Fir']],
      ['minPrice=1100&maxPrice=1100', ['Birch', 'Gorse']],
      ['minPrice=2000&maxPrice=1000', []],
      ['format=hardback&language=de', ['Elder', 'Gorse']],
      ['format=papyrus', []],
      ['q=hazel', ['Hazel']],
      ['q=hazle', ['Hazel']],
      [`q=${isbns[5]}`, ['Fir']],
    ]
    for (const [query, wanted] of filters) {
      assert.deepEqual(await titlesOf(`sort=title&${query}`), wanted, query)
      assert.equal((await list(query)).total, wanted.length, query)
    }
  })

  test('a filter or page that cannot be is 400 and named', async () => {
    const wrong: [string, string][] = [
      ['limit=0', 'limit'],
      ['limit=101', 'limit'],
      ['limit=-1', 'limit'],
      ['limit=ten', 'limit'],
      ['limit=1.5', 'limit'],
      ['limit=', 'limit'],
      ['limit=1&limit=2', 'limit'],
      ['sort=colour', 'sort'],
      ['sort=', 'sort'],
      ['limited=perhaps', 'limited'],
      ['available=', 'available'],
      ['minPrice=-1', 'minPrice'],
      ['thema=F%20B', 'thema'],
      ['maxPrice=cheap', 'maxPrice'],
      ['cursor=nonsense', 'cursor'],
      [`cursor=${Buffer.from('["title","a","b","c"]').toString('base64url')}&sort=title`, 'cursor'],
      ['q=a&q=b', 'q'],
      [`q=${'a'.repeat(300)}`, 'q'],
      ['colour=red', 'colour'],
    ]
    for (const [query, field] of wrong)
      assert.deepEqual(wrongFields(await shop().get(`/api/books?${query}`)), [field], query)
    const { next } = await list('limit=2&sort=title')
    assert.deepEqual(wrongFields(await shop().get(`/api/books?sort=price&cursor=${next}`)), ['cursor'])
  })

  test('a page has 24 books when nobody says how many, and at most 100', async () => {
    const token = shop().staff
    const rows = Array.from({ length: 130 }, (_, i) => `${isbnAt(i)},Mosses ${i},Mosses,1`)
    const raw = `isbn,title,subjects,copies\n${rows.join('\n')}\n`
    const started = accepted(
      await shop().post('/api/imports', { raw, token, headers: { 'content-type': 'text/csv' } }),
      202,
    )
    for (let status = started.status; status === 'running'; )
      ({ status } = accepted(await shop().get(`/api/imports/${started.id}`, { token })))
    const items = async (query: string) =>
      accepted(await shop().get(`/api/books?subject=Mosses${query}`)).items.length
    assert.equal(await items(''), 24)
    assert.equal(await items('&limit=100'), 100)
    await setStock(shop(), isbnAt(0), 5)
  })
}

function isbnAt(i: number): string {
  const ten = String(500_000_000 + i)
  let sum = 0
  for (let k = 0; k < 9; k++) sum += Number(ten[k]) * (10 - k)
  const check = (11 - (sum % 11)) % 11
  return ten + (check === 10 ? 'X' : String(check))
}
