import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accepted, refused, wrongFields } from './client.ts'
import { ada, addBook, leaves, line, newIsbn, newKey, order, place, type Shop, setStock } from './shop.ts'

/** `POST /api/orders`: what is answered, once and again. */
export function orderSuite(shop: () => Shop): void {
  test('an order is answered with 201, its address and all of its fields', async () => {
    const isbn = await addBook(shop(), { amount: 1250, title: 'Pride and Prejudice' })
    const reply = await order(shop(), [line(isbn, 2)])
    const placed = accepted(reply, 201)
    assert.equal(reply.headers.get('location'), `/api/orders/${placed.id}`)
    assert.equal(reply.headers.get('idempotent-replayed'), null)
    assert.equal(placed.status, 'reserved')
    assert.deepEqual(placed.customer, ada)
    const unitPrice = { amount: 1250, currency: 'EUR' }
    assert.deepEqual(placed.lines, [{ isbn, title: 'Pride and Prejudice', quantity: 2, unitPrice }])
    assert.deepEqual(placed.total, { amount: 2500, currency: 'EUR' })
    assert.ok(Math.abs(Date.parse(placed.createdAt) - Date.now()) < 60_000)
    assert.ok(Date.parse(placed.expiresAt) > Date.parse(placed.createdAt))
    assert.ok(placed.token.length >= 20)
    await leaves(shop(), isbn, 8)
  })

  test('an order of a title with a limit is answered with the very same fields', async () => {
    const isbn = await addBook(shop(), { perCustomer: 2 })
    const placed = accepted(await order(shop(), [line(isbn, 2)]), 201)
    const plain = accepted(await order(shop(), [line(await addBook(shop()))]), 201)
    assert.deepEqual(Object.keys(placed), Object.keys(plain))
    assert.deepEqual(Object.keys(placed.lines[0]), Object.keys(plain.lines[0]))
  })

  test('the same key and body give the same order again, and no copy more', async () => {
    const isbn = await addBook(shop())
    const key = newKey()
    const first = await place(shop(), isbn, 1, { key })
    const again = await order(shop(), [line(isbn)], { key })
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    assert.equal(accepted(again).id, first.id)
    assert.deepEqual(again.body, first)
    await leaves(shop(), isbn, 9)
  })

  test('the same key with another body is 422', async () => {
    const isbn = await addBook(shop())
    const key = newKey()
    await place(shop(), isbn, 1, { key })
    refused(await order(shop(), [line(isbn, 2)], { key }), 422)
    refused(await order(shop(), [line(isbn)], { key, customer: { ...ada, name: 'Ada' } }), 422)
  })

  test('of requests with one key at once, one places the order and the others are told so', async () => {
    const isbn = await addBook(shop())
    const key = newKey()
    const replies = await Promise.all(Array.from({ length: 20 }, () => order(shop(), [line(isbn)], { key })))
    const statuses = replies.map(({ status }) => status)
    assert.equal(statuses.filter((status) => status === 201).length, 1, statuses.join(' '))
    for (const reply of replies)
      if (reply.status === 409) {
        refused(reply, 409, 'in-flight')
        assert.match(reply.headers.get('retry-after') ?? '', /^\d+$/)
      } else if (reply.status === 200) assert.equal(reply.headers.get('idempotent-replayed'), 'true')
      else assert.equal(reply.status, 201)
    await leaves(shop(), isbn, 9)
  })

  test('of two bodies with one key at once, one becomes the order', async () => {
    const isbn = await addBook(shop())
    const key = newKey()
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, i) => order(shop(), [line(isbn, 1 + (i % 2))], { key })),
    )
    const [placed, ...more] = replies.filter(({ status }) => status === 201)
    assert.deepEqual(more, [])
    assert.ok(placed)
    for (const { status, body } of replies.filter(({ status }) => status === 200))
      assert.deepEqual([status, body.id], [200, placed.body.id])
    for (const { status } of replies) assert.ok([200, 201, 409, 422].includes(status), String(status))
    await leaves(shop(), isbn, 10 - placed.body.lines[0].quantity)
  })

  test('a refusal is not remembered: the same key succeeds once there is stock', async () => {
    const [isbn, plenty] = [await addBook(shop(), { copies: 1 }), await addBook(shop())]
    const key = newKey()
    const lines = [line(plenty), line(isbn, 3)]
    const problem = refused(await order(shop(), lines, { key }), 409, 'out-of-stock')
    assert.deepEqual(problem.lines, [{ isbn, requested: 3, available: 1 }])
    await leaves(shop(), plenty, 10)
    await setStock(shop(), isbn, 3)
    accepted(await order(shop(), lines, { key }), 201)
  })

  test('an unknown book is named, and nothing is taken', async () => {
    const isbn = await addBook(shop())
    const reply = await order(shop(), [line(isbn), line(newIsbn())])
    assert.deepEqual(wrongFields(reply), ['lines[1].isbn'])
    await leaves(shop(), isbn, 10)
  })
}
