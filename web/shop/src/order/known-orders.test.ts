import '../test-browser.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KnownOrder, useKnownOrders } from './known-orders.ts'

test('an order that another tab has placed or forgotten meanwhile stays so', () => {
  const { known, remember, forget, tokenOf } = useKnownOrders()
  const ids = () => known.value.map(({ id }) => id)
  remember({ id: 'a', token: 'key-a', createdAt: '2026-11-20T12:00:00Z' })
  otherTabKeeps([{ id: 'b', token: 'key-b', createdAt: '2026-11-20T12:01:00Z', seenAt: {} }])
  remember({ id: 'c', token: 'key-c', createdAt: '2026-11-20T12:02:00Z' })
  assert.deepEqual(ids(), ['c', 'b'])
  otherTabKeeps([{ id: 'b', token: 'key-b', createdAt: '2026-11-20T12:01:00Z', seenAt: {} }])
  forget('a')
  assert.deepEqual(ids(), ['b'])
  assert.equal(tokenOf('b'), 'key-b')
})

/** As it looks from a tab that has not heard of it yet. */
const otherTabKeeps = (orders: KnownOrder[]) => localStorage.setItem('octavo-orders', JSON.stringify(orders))
