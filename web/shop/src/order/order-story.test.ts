import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Order } from '#services/gateway'
import { canCancel, declineText, headline, isMoving, steps } from './order-story.ts'

test('a paid order walks four steps, a free one three', () => {
  const states = (order: Order) => steps(order, {}).map((step) => `${step.status} ${step.state}`)
  assert.deepEqual(states(order('paid')), ['reserved done', 'paid now', 'confirmed ahead', 'redeemed ahead'])
  const free = { ...order('confirmed'), total: { amount: 0, currency: 'EUR' } }
  assert.deepEqual(states(free), ['reserved done', 'confirmed now', 'redeemed ahead'])
  assert.equal(states(order('redeemed')).at(-1), 'redeemed done')
})

test('an order that ended early shows how far it came, and its end', () => {
  const seen = { paid: '2026-11-20T12:01:00Z', refunded: '2026-11-20T12:05:00Z' }
  const shown = steps(order('refunded'), seen)
  assert.deepEqual(
    shown.map((step) => step.status),
    ['reserved', 'paid', 'refunded'],
  )
  assert.equal(shown.at(-1)?.state, 'ended')
})

test('every status has words of its own', () => {
  const all = [
    'reserved',
    'paid',
    'confirmed',
    'redeemed',
    'expired',
    'cancelled',
    'refunded',
    'failed',
  ] as const
  assert.equal(new Set(all.map((status) => headline(order(status)).title)).size, all.length)
})

test('an order can be cancelled until a voucher is collected or while no payment is under way', () => {
  assert.equal(canCancel(order('reserved')), true)
  assert.equal(canCancel({ ...order('reserved'), payment: { status: 'processing' } }), false)
  const voucher = { code: 'X', isbn: '1', status: 'redeemed', url: '/x' } as const
  assert.equal(canCancel({ ...order('confirmed'), vouchers: [voucher] }), false)
  assert.equal(canCancel(order('expired')), false)
})

test('a paid order that is cancelled goes on until its money is back, and says so', () => {
  const unpaid = order('cancelled')
  assert.match(headline(unpaid).detail, /Nothing was charged/)
  assert.equal(isMoving(unpaid), false)
  const paid: Order = { ...unpaid, payment: { status: 'captured' } }
  assert.match(headline(paid).detail, /You get your money back/)
  assert.equal(isMoving(paid), true)
  assert.equal(isMoving({ ...order('refunded'), payment: { status: 'refunded' } }), false)
})

test('a reason to decline becomes a sentence', () => {
  assert.equal(declineText('insufficient_funds'), 'The card has not enough money on it.')
  assert.equal(declineText('lost-card'), 'Lost card.')
  assert.equal(declineText(undefined), 'The bank declined the card.')
})

function order(status: Order['status']): Order {
  return {
    id: '0194e4a0-0000-7000-8000-000000000000',
    status,
    customer: { name: 'Ada Byron', email: 'ada@example.org' },
    lines: [{ isbn: '1', title: 'Walden', quantity: 1, unitPrice: { amount: 100, currency: 'EUR' } }],
    total: { amount: 100, currency: 'EUR' },
    createdAt: '2026-11-20T12:00:00Z',
    expiresAt: '2026-11-20T12:15:00Z',
    payment: null,
    vouchers: [],
  }
}
