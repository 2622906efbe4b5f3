import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { Draft } from './member.ts'
import { createPriceList, shownOf } from './price-list.ts'

const eur = (amount: number) => ({ amount, currency: 'EUR' })
const prices = createPriceList([
  { isbn: '9780000000002', title: 'Say "yes" \\ or \n\u2028 no', unitPrice: eur(1250), perCustomer: null },
  { isbn: '9780000000019', title: '書', unitPrice: eur(0), perCustomer: 2 },
])

function draft(...lines: Draft['lines']): Draft {
  const hashes = { keyHash: randomUUID(), bodyHash: randomUUID(), tokenHash: randomUUID() }
  return { id: randomUUID(), ...hashes, customer: { name: 'Ünï "Q"', email: 'ada@example.org' }, lines }
}

test('an order is priced as its details say, in the very form that JSON has', () => {
  const asked = draft({ isbn: '9780000000002', quantity: 2 }, { isbn: '9780000000019', quantity: 1 })
  const { details, ...placed } = prices.placed(asked)
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
  assert.equal(details, JSON.stringify({ ...expected, counted: ['9780000000019'] }))
  assert.equal(`{${shownOf({ details, limits: placed.limits })}}`, JSON.stringify(expected))
  assert.equal(placed.free, false)
  assert.deepEqual(placed.limits, [{ isbn: '9780000000019', quantity: 1, perCustomer: 2 }])
})

test('an order of free titles alone is free', () => {
  assert.equal(prices.placed(draft({ isbn: '9780000000019', quantity: 1 })).free, true)
})

test('a title that stock did not reserve has no price', () => {
  assert.throws(() => prices.placed(draft({ isbn: '9780000000026', quantity: 1 })), /has a price/)
})
