import '../test-browser.ts'
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as settle } from 'node:timers/promises'
import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { createApp, effectScope } from 'vue'
import type { Order } from '#services/gateway'
import { useOrder } from './use-order.ts'

const declined = { ...reserved(), payment: { status: 'declined' } } as const
const processing = { ...reserved(), payment: { status: 'processing' } } as const

test('what was asked before an event came does not undo it', async (t) => {
  const { shown, query, tell, requests } = await openOrder(t)
  const refetched = query.refetch()
  tell(declined)
  requests.at(-1)?.resolve(Response.json(reserved()))
  await refetched
  await settle()
  assert.equal(shown(), 'declined')
})

test('the answer to a change counts unless an event came since it was sent; then the shop is asked', async (t) => {
  const { shown, query, tell, requests } = await openOrder(t)
  query.take(processing, Date.now())
  assert.equal(shown(), 'processing')
  const sentMs = Date.now() - 1
  tell(declined)
  const before = requests.length
  query.take(processing, sentMs)
  assert.equal(shown(), 'declined')
  assert.equal(requests.length, before + 1)
})

/** An order that is shown and followed; the test answers its requests and tells its events. */
async function openOrder(t: TestContext) {
  const requests: PromiseWithResolvers<Response>[] = []
  t.mock.method(globalThis, 'fetch', () => {
    const request = Promise.withResolvers<Response>()
    requests.push(request)
    return request.promise
  })
  const streams: EventTarget[] = []
  class Stream extends EventTarget {
    constructor() {
      super()
      streams.push(this)
    }
    close() {}
  }
  Object.assign(globalThis, { EventSource: Stream })
  const app = createApp({}).use(VueQueryPlugin, { queryClient: new QueryClient() })
  const query = app.runWithContext(() =>
    effectScope().run(() =>
      useOrder(
        () => reserved().id,
        () => 'key',
      ),
    ),
  )
  assert.ok(query)
  requests[0]?.resolve(Response.json(reserved()))
  while (streams.length === 0) await settle()
  return {
    query,
    requests,
    shown: () => query.data.value?.payment?.status,
    tell: (order: Order) => {
      streams[0]?.dispatchEvent(new MessageEvent('order', { data: JSON.stringify(order) }))
    },
  }
}

function reserved(): Order {
  return {
    ...{ id: '0194e4a0-0000-7000-8000-000000000000', status: 'reserved' },
    customer: { name: 'Ada Byron', email: 'ada@example.org' },
    lines: [{ isbn: '1', title: 'Walden', quantity: 1, unitPrice: { amount: 100, currency: 'EUR' } }],
    total: { amount: 100, currency: 'EUR' },
    ...{ createdAt: '2026-11-20T12:00:00Z', expiresAt: '2026-11-20T12:15:00Z', payment: null, vouchers: [] },
  }
}
