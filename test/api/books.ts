import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accepted, refused, wrongFields } from './client.ts'
import { openEvents } from './event-stream.ts'
import { addBook, available, confirmed, leaves, newIsbn, place, type Shop, setStock } from './shop.ts'

const price = { amount: 1250, currency: 'EUR' }

/** One book: its forms, its edits, its stock. */
export function bookSuite(shop: () => Shop): void {
  test('a book has every field that is promised, and its ISBN in any form finds it', async () => {
    const isbn = '9780141439518'
    const given = {
      title: 'Pride and Prejudice',
      subtitle: 'A Novel',
      contributors: [{ name: 'Jane Austen', role: 'author' }],
      publisher: 'Egerton',
      publishedOn: '1813-01-28',
      language: 'en',
      format: 'paperback',
      description: 'It is a truth.',
      subjects: ['Romance', 'Classics'],
      price,
      limited: true,
      perCustomer: 2,
      salesOpenAt: '2020-01-01T00:00:00.000Z',
    }
    const created = await shop().post('/api/books', { body: { isbn, ...given }, token: shop().staff })
    const { availability, cover, ...book } = accepted(created, 201)
    assert.equal(created.headers.get('location'), `/api/books/${isbn}`)
    assert.deepEqual(book, { isbn, ...given })
    assert.deepEqual(availability, { available: 0, status: 'sold-out' })
    assert.match((await shop().get(cover)).headers.get('content-type') ?? '', /^image\/svg/)
    for (const form of ['978-0-14-143951-8', '0141439513', '0-14-143951-3', '978 0141439518'])
      assert.equal(accepted(await shop().get(`/api/books/${encodeURIComponent(form)}`)).isbn, isbn)
  })

  test('what is no ISBN is 400, and one that no book has is 404', async () => {
    for (const wrong of ['9780141439519', '123', 'pride', '0141439514', '9770141439518', '97801414395180'])
      assert.deepEqual(wrongFields(await shop().get(`/api/books/${wrong}`)), ['isbn'], wrong)
    const none = newIsbn()
    for (const path of ['', '/availability', '/availability/events', '/cover.svg'])
      refused(await shop().get(`/api/books/${none}${path}`), 404)
    const token = shop().staff
    refused(await shop().put(`/api/books/${none}`, { body: { title: 'A', price }, token }), 404)
    refused(await shop().patch(`/api/books/${none}`, { body: { title: 'A' }, token }), 404)
    refused(await shop().put(`/api/books/${none}/stock`, { body: { copies: 1 }, token }), 404)
    refused(await shop().get(`/api/books/${none}/stock`, { token }), 404)
    refused(await shop().delete(`/api/books/${none}`, { token }), 404)
  })

  test('a book is replaced, changed in part, and removed', async () => {
    const isbn = await addBook(shop(), { subtitle: 'Old', publisher: 'Old', copies: 0 })
    const [path, token] = [`/api/books/${isbn}`, shop().staff]
    const changed = accepted(await shop().patch(path, { body: { subtitle: 'New' }, token }))
    assert.deepEqual([changed.subtitle, changed.publisher], ['New', 'Old'])
    const replaced = accepted(await shop().put(path, { body: { title: 'Whole', price }, token }))
    assert.deepEqual([replaced.title, replaced.subtitle, replaced.publisher], ['Whole', null, null])
    assert.deepEqual(accepted(await shop().get(path)), replaced)
    refused(await shop().post('/api/books', { body: { isbn, title: 'Again', price }, token }), 409)
    assert.equal((await shop().delete(path, { token })).status, 204)
    refused(await shop().get(path), 404)
  })

  test('a book that readers have copies of stays', async () => {
    const isbn = await addBook(shop())
    await place(shop(), isbn)
    refused(await shop().delete(`/api/books/${isbn}`, { token: shop().staff }), 409)
  })

  test('every wrong field of a book is named', async () => {
    const body = {
      isbn: '9780141439519',
      title: '',
      publishedOn: 'yesterday',
      language: '-',
      price: { amount: -1, currency: 'euro' },
      perCustomer: 0,
      salesOpenAt: 'soon',
      colour: 'red',
    }
    const fields = [...new Set(wrongFields(await shop().post('/api/books', { body, token: shop().staff })))]
    for (const field of [
      'isbn',
      'title',
      'publishedOn',
      'language',
      'price.amount',
      'price.currency',
      'colour',
    ])
      assert.ok(fields.includes(field), `${field} is among ${fields.join(', ')}`)
    const texts = [{ title: 'a\u0007b' }, { title: 'a\nb' }, { title: '\ud800' }, { description: '\0' }]
    for (const text of texts) {
      const wrong = { isbn: newIsbn(), title: 'A', price, ...text }
      const names = wrongFields(await shop().post('/api/books', { body: wrong, token: shop().staff }))
      assert.deepEqual([...new Set(names)], Object.keys(text))
    }
  })

  test('an ETag saves a read as long as nothing changes', async () => {
    const isbn = await addBook(shop())
    for (const path of [`/api/books/${isbn}`, `/api/books/${isbn}/availability`, `/api/books?q=${isbn}`]) {
      const etag = (await shop().get(path)).headers.get('etag') ?? ''
      assert.match(etag, /^(W\/)?"[^"]+"$/, path)
      for (const tags of [etag, `"other", ${etag}`, '*', etag.replace(/^(W\/)?/, 'W/')]) {
        const same = await shop().get(path, { headers: { 'if-none-match': tags } })
        assert.deepEqual([same.status, same.text], [304, ''], `${path} ${tags}`)
        assert.equal(same.headers.get('etag'), etag)
      }
      accepted(await shop().get(path, { headers: { 'if-none-match': '"other"' } }))
      const left = await available(shop(), isbn)
      await place(shop(), isbn)
      await leaves(shop(), isbn, left - 1)
      accepted(await shop().get(path, { headers: { 'if-none-match': etag } }))
    }
  })

  test('an edit of a book that changed meanwhile is 412, and is lost on nobody', async () => {
    const isbn = await addBook(shop())
    const [path, token] = [`/api/books/${isbn}`, shop().staff]
    const etag = (await shop().get(path)).headers.get('etag') ?? ''
    const edit = (title: string, tag: string) =>
      shop().patch(path, { body: { title }, token, headers: { 'if-match': tag } })
    const first = await edit('First', etag)
    assert.equal(accepted(first).title, 'First')
    refused(await edit('Second', etag), 412)
    const whole = { body: { title: 'Second', price }, token, headers: { 'if-match': etag } }
    refused(await shop().put(path, whole), 412)
    refused(await shop().delete(path, { token, headers: { 'if-match': etag } }), 412)
    refused(await edit('Second', 'nonsense'), 412)
    assert.equal(accepted(await shop().get(path)).title, 'First')
    accepted(await edit('Third', first.headers.get('etag') ?? ''))
    accepted(await edit('Fourth', '*'))
    const replies = await Promise.all(
      ['a', 'b', 'c'].map(async (title) => edit(title, (await shop().get(path)).headers.get('etag') ?? '')),
    )
    assert.ok(replies.some(({ status }) => status === 200))
  })

  test('stock can be set down to what is sold and held, and no further', async () => {
    const isbn = await addBook(shop(), { copies: 5 })
    await place(shop(), isbn, 2)
    await confirmed(shop(), isbn)
    const set = (copies: unknown) =>
      shop().put(`/api/books/${isbn}/stock`, { body: { copies, reason: 'Counted' }, token: shop().staff })
    refused(await set(2), 409)
    const now = accepted(await set(3))
    assert.deepEqual([now.isbn, now.available, now.status], [isbn, 0, 'sold-out'])
    const stock = accepted(await shop().get(`/api/books/${isbn}/stock`, { token: shop().staff }))
    assert.deepEqual(stock, { isbn, copies: 3, held: 2, sold: 1, available: 0 })
    for (const wrong of [-1, 1.5, '3', null, 1e12, {}])
      assert.deepEqual(wrongFields(await set(wrong)), ['copies'])
    assert.equal(accepted(await shop().get(`/api/books/${isbn}/availability`)).available, 0)
  })

  test('how many copies there are is told with what it means', async () => {
    const isbn = await addBook(shop(), { copies: 100, limited: true })
    const told = async () => accepted(await shop().get(`/api/books/${isbn}/availability`))
    const { asOf, ...rest } = await told()
    assert.deepEqual(rest, { isbn, available: 100, status: 'in-stock' })
    assert.match(asOf, /^\d{4}-\d\d-\d\dT.*Z$/)
    await setStock(shop(), isbn, 3)
    assert.equal((await told()).status, 'low')
    const upcoming = await addBook(shop(), { salesOpenAt: '2099-01-01T00:00:00Z' })
    assert.equal(accepted(await shop().get(`/api/books/${upcoming}`)).availability.status, 'upcoming')
  })

  test('whoever watches a book is told its copies at once and at every change', async () => {
    const isbn = await addBook(shop(), { copies: 3 })
    await using stream = await openEvents(shop(), `/api/books/${isbn}/availability/events`)
    assert.equal(stream.status, 200)
    assert.match(stream.headers.get('content-type') ?? '', /^text\/event-stream/)
    const first = await stream.until(({ event }) => event === 'availability')
    assert.deepEqual([first.data.isbn, first.data.available, first.data.status], [isbn, 3, 'low'])
    await place(shop(), isbn, 3)
    await stream.until(({ data }) => data.available === 0 && data.status === 'sold-out')
    await setStock(shop(), isbn, 40)
    await stream.until(({ data }) => data.available === 37 && data.status === 'in-stock')
  })
}
