import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { Draft } from './member.ts'
import { createPriceList } from './price-list.ts'

const eur = (amount: number) => ({ amount, currency: 'EUR' })
const prices = createPriceList([
  { isbn: '9780000000002', title: 'Say "yes" \\ or \n\u2028 no', unitPrice: eur(1250), perCustomer: null },
  { isbn: '9780000000019', title: '書', unitPrice: eur(0), perCustomer: 2 },
])

function draft(...lines: Draft['lines']): Draft {
  const hashes = { keyHash: randomUUID(), bodyHash: randomUUID(), tokenHash: randomUUID() }
  return { id: randomUUID(), ...hashes, customer: { name: 'Ünï "Q"', email: 'ada@example.org' }, lines }
}

test('an order is priced as its details say, and only OrderDb is told what counts towards a limit', () => {
  const asked = draft({ isbn: '9780000000002', quantity: 2 }, { isbn: '9780000000019', quantity: 1 })
  const { order, details } = prices.priced(asked)
  const expected = {
    customer: asked.customer,
    lines: [
      {
        isbn: '9780000000002',
        title: 'Say "yes" \\ or \n\u2028 no',
        quantity: 2,
        unitPrice: eur(1250),
      },
      { isbn: '9780000000019', title: '書', quantity: 1, unitPrice: eur(0) },
    ],
    total: eur(2500),
  }
  assert.equal(order.details, JSON.stringify({ ...expected, counted: ['9780000000019'] }))
  assert.deepEqual(details, expected)
  assert.equal(order.free, false)
  assert.deepEqual(order.limits, [{ isbn: '9780000000019', quantity: 1, perCustomer: 2 }])
})

test('an order of free titles alone is free', () => {
  assert.equal(prices.priced(draft({ isbn: '9780000000019', quantity: 1 })).order.free, true)
})

test('a title that stock did not reserve has no price', () => {
  assert.throws(() => prices.priced(draft({ isbn: '9780000000026', quantity: 1 })), /has a price/)
})
