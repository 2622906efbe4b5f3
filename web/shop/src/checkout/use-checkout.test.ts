import '../test-browser.ts'
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as settle } from 'node:timers/promises'
import { effectScope } from 'vue'
import type { NewOrder, Order } from '#services/gateway'
import { useCart } from '../cart/use-cart.ts'
import { useKnownOrders } from '../order/known-orders.ts'
import { useCheckout } from './use-checkout.ts'

test('an order that is answered after the checkout was left is known, and out of the cart', async (t) => {
  const { submit, leave, requests } = openCheckout(t)
  localStorage.setItem('octavo-cart', JSON.stringify([line('1'), line('2')]))
  const sent = submit(wish)
  leave()
  requests[0]?.resolve(Response.json(placed, { status: 201 }))
  await sent
  assert.equal(useKnownOrders().tokenOf(placed.id), placed.token)
  assert.deepEqual(
    useCart().cart.value.map(({ isbn }) => isbn),
    ['2'],
  )
  assert.equal(localStorage.getItem('octavo-attempt'), null)
})

test('nothing is sent once the checkout was left, and the attempt stays open', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { state, submit, leave, requests } = openCheckout(t)
  void submit(wish)
  requests[0]?.reject(new TypeError('fetch failed'))
  await settle()
  assert.equal(state.value.kind, 'waiting')
  leave()
  t.mock.timers.tick(60_000)
  await settle()
  assert.equal(requests.length, 1)
  assert.equal(openCheckout(t).state.value.kind, 'unknown')
})

test('a cart that another tab has ordered meanwhile is sent with the same key, and gives the same order', async (t) => {
  for (const key of ['octavo-attempt', 'octavo-placed']) localStorage.removeItem(key)
  localStorage.setItem('octavo-cart', JSON.stringify([line('1')]))
  const first = openCheckout(t)
  const keys: (string | null)[] = []
  const answers: PromiseWithResolvers<Response>[] = []
  t.mock.method(globalThis, 'fetch', (_url: unknown, init: RequestInit) => {
    keys.push(new Headers(init.headers).get('idempotency-key'))
    const answer = Promise.withResolvers<Response>()
    answers.push(answer)
    return answer.promise
  })
  const second = effectScope()
  const other = second.run(useCheckout)
  const sent = [first.submit(wish), other?.submit(wish)]
  await until(() => answers.length > 0)
  answers[0]?.resolve(Response.json(placed, { status: 201 }))
  await until(() => answers.length > 1)
  answers[1]?.resolve(Response.json(placed, { status: 200 }))
  await Promise.all(sent)
  second.stop()
  assert.equal(keys.length, 2)
  assert.equal(new Set(keys).size, 1)
})

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 5_000; !condition(); await settle())
    assert.ok(Date.now() < deadline, 'it did not happen')
}

/** A checkout whose requests are answered by the test. */
function openCheckout(t: TestContext) {
  const requests: PromiseWithResolvers<Response>[] = []
  t.mock.method(globalThis, 'fetch', () => {
    const request = Promise.withResolvers<Response>()
    requests.push(request)
    return request.promise
  })
  const scope = effectScope()
  const checkout = scope.run(useCheckout)
  assert.ok(checkout)
  return { ...checkout, requests, leave: () => scope.stop() }
}

const line = (isbn: string) => ({
  ...{ isbn, quantity: 1, title: `Book ${isbn}`, byline: 'Ada Byron', cover: `/covers/${isbn}.svg` },
  ...{ price: { amount: 1250, currency: 'EUR' }, perCustomer: null },
})

const wish: NewOrder = {
  customer: { name: 'Ada Byron', email: 'ada@example.org' },
  lines: [{ isbn: '1', quantity: 1 }],
}

const placed: Order = {
  ...{
    id: '0194e4a0-0000-7000-8000-000000000000',
    status: 'reserved',
    token: 'key',
    customer: wish.customer,
  },
  lines: [{ isbn: '1', title: 'Book 1', quantity: 1, unitPrice: { amount: 1250, currency: 'EUR' } }],
  total: { amount: 1250, currency: 'EUR' },
  ...{ createdAt: '2026-11-20T12:00:00Z', expiresAt: '2026-11-20T12:15:00Z', payment: null, vouchers: [] },
}
