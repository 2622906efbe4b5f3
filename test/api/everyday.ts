import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accepted, refused } from './client.ts'
import { ada, addBook, line, newIsbn, newKey, order, type Shop } from './shop.ts'

/** What happens every day: addresses in any script, scanners that read more than they should, books without a price. */
export function everydaySuite(shop: () => Shop): void {
  test('a book whose price is not known is listed, and an order of it takes nothing', async () => {
    const isbn = newIsbn()
    const priced = await addBook(shop())
    accepted(
      await shop().post('/api/books', { body: { isbn, title: 'Soon', price: null }, token: shop().staff }),
      201,
    )
    accepted(await shop().put(`/api/books/${isbn}/stock`, { body: { copies: 3 }, token: shop().staff }))
    const book = accepted(await shop().get(`/api/books/${isbn}`))
    assert.deepEqual([book.price, book.availability.status], [null, 'upcoming'])
    const reply = await order(shop(), [line(priced), line(isbn)])
    refused(reply, 409, 'not-for-sale')
    assert.equal(reply.body.isbn, isbn)
    const left = accepted(await shop().get(`/api/books/${priced}/availability`))
    assert.equal(left.available, 10, 'the other book of the order stays too')
    accepted(
      await shop().patch(`/api/books/${isbn}`, {
        body: { price: { amount: 900, currency: 'EUR' } },
        token: shop().staff,
      }),
    )
    accepted(await order(shop(), [line(isbn)]), 201)
  })

  test('an e-mail address may be of any script, before and after its at sign', async () => {
    const isbn = await addBook(shop())
    for (const email of [
      'ada@bücher.example',
      'jörg@example.org',
      '测试@例子.测试',
      'ada@xn--bcher-kva.example',
    ]) {
      const placed = accepted(await order(shop(), [line(isbn)], { customer: { ...ada, email } }), 201)
      const again = accepted(await shop().get(`/api/orders/${placed.id}`, { token: placed.token }))
      assert.equal(again.customer.email.normalize('NFC'), placed.customer.email)
    }
    for (const email of [
      'ada@',
      '@bücher.example',
      'ada bücher@example.org',
      'ada@büch er.example',
      'ada@a..b',
    ])
      refused(await order(shop(), [line(isbn)], { customer: { ...ada, email } }), 400)
  })

  test('a barcode is found with its add-on, without zeros and as a scanner writes it', async () => {
    const isbn = await addBook(shop())
    for (const scanned of [
      isbn,
      `${isbn}51299`,
      `${isbn} 51299`,
      `0${isbn}`,
      `]E0${isbn}`,
      `isbn${isbn}`,
      `${isbn}12`,
      `ISBN ${isbn.slice(0, 3)}-${isbn.slice(3)}`,
    ]) {
      const found = accepted(await shop().get(`/api/books?q=${encodeURIComponent(scanned)}`))
      assert.deepEqual(
        found.items.map((book: { isbn: string }) => book.isbn),
        [isbn],
        scanned,
      )
    }
  })

  test('one press of the button in two tabs at once is one order', async () => {
    const isbn = await addBook(shop())
    const key = newKey()
    const replies = await Promise.all([1, 2].map(() => order(shop(), [line(isbn)], { key })))
    const ids = replies.filter(({ status }) => status < 300).map(({ body }) => body.id)
    assert.equal(new Set(ids).size, 1)
    for (const { status } of replies) assert.ok([200, 201, 409].includes(status), String(status))
  })
}
