import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accepted, refused } from './client.ts'
import { addBook, line, order, type Shop } from './shop.ts'

/** `POST /api/erasures`: a customer leaves the store by request. */
export function erasureSuite(shop: () => Shop): void {
  test('a customer is erased once nothing of theirs is under way, and the answer proves it', async () => {
    const email = 'leaves.for.good@example.org'
    const customer = { name: 'Reader Who Leaves', email }
    const placed = accepted(await order(shop(), [line(await addBook(shop()))], { customer }), 201)
    const erase = () => shop().post('/api/erasures', { body: { email }, token: shop().staff })
    assert.deepEqual(refused(await erase(), 409, 'order-under-way').orders, [placed.id])
    const read = () => shop().get(`/api/orders/${placed.id}`, { token: placed.token })
    assert.deepEqual(accepted(await read()).customer, customer)

    accepted(await shop().post(`/api/orders/${placed.id}/cancel`, { token: placed.token }))
    const erased = accepted(await erase())
    assert.equal(erased.orders, 1)
    assert.deepEqual([...new Set(Object.values(erased.left))], [0])
    assert.doesNotMatch((await read()).text, /leaves\.for\.good|Reader Who Leaves/)
  })

  test('what is no address is 400', async () => {
    refused(await shop().post('/api/erasures', { body: { email: 'nobody' }, token: shop().staff }), 400)
  })
}
