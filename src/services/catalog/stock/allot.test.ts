import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StockRequest } from '#services/catalog'
import { allot, type Title } from './allot.ts'

const nowMs = Date.parse('2026-11-20T12:00:00Z')

test('an order is taken whole or refused whole, and says what each title has left', () => {
  const titles = stock({ a: 5, b: 1 })
  const { answers, movements } = allot(titles, [reserve({ a: 2, b: 2 }), reserve({ a: 2, b: 1 })], nowMs)
  assert.deepEqual(answers[0], {
    kind: 'out-of-stock',
    lines: [{ isbn: 'b', requested: 2, available: 1 }],
  })
  assert.equal(answers[1]?.kind, 'reserved')
  assert.deepEqual(
    movements.map(({ isbn, held }) => [isbn, held]),
    [
      ['a', 2],
      ['b', 1],
    ],
  )
})

test('who comes first gets the last copy, and a smaller order behind a refused one still fits', () => {
  const { answers } = allot(
    stock({ a: 3 }),
    [2, 2, 1, 1].map((a) => reserve({ a })),
    nowMs,
  )
  assert.deepEqual(kinds(answers), ['reserved', 'out-of-stock', 'reserved', 'out-of-stock'])
})

test('copies given back earlier in a group can be taken later in it', () => {
  const titles = stock({ a: 1 }, { held: 1 })
  const { answers, movements } = allot(titles, [settle('release', { a: 1 }), reserve({ a: 1 })], nowMs)
  assert.deepEqual(kinds(answers), ['moved', 'reserved'])
  assert.deepEqual(
    movements.map(({ movement, held }) => [movement, held]),
    [
      ['release', -1],
      ['reserve', 1],
    ],
  )
})

test('a customer stays within a limit over all orders of a group, whatever was read before', () => {
  const titles = stock({ a: 10 }, { perCustomer: 3 })
  const { answers } = allot(
    titles,
    [
      reserve({ a: 2 }, 'ada', 1),
      reserve({ a: 1 }, 'ada', 1),
      reserve({ a: 3 }, 'bob'),
      reserve({ a: 1 }, 'ada', 0),
    ],
    nowMs,
  )
  assert.deepEqual(kinds(answers), ['reserved', 'customer-limit', 'reserved', 'reserved'])
})

test('what cannot be sold is refused with its reason', () => {
  const later = new Date(nowMs + 1)
  assert.deepEqual(allot(stock({ a: 1 }), [reserve({ a: 1, x: 1 })], nowMs).answers, [
    { kind: 'unknown-book', isbns: ['x'] },
  ])
  assert.deepEqual(allot(stock({ a: 1 }, { salesOpenAt: later }), [reserve({ a: 1 })], nowMs).answers, [
    { kind: 'sales-not-open', isbn: 'a', salesOpenAt: later.toISOString() },
  ])
  const mixed = stock({ a: 1, b: 1 })
  Object.assign(mixed.get('b') as Title, { priceCurrency: 'USD' })
  assert.deepEqual(kinds(allot(mixed, [reserve({ a: 1, b: 1 })], nowMs).answers), ['mixed-currencies'])
})

test('confirming sells what was held, and returning frees what was sold', () => {
  const titles = stock({ a: 2 }, { held: 2 })
  const requests = [settle('confirm', { a: 2 }), settle('return', { a: 1 })]
  const { answers } = allot(titles, requests, nowMs)
  assert.deepEqual(kinds(answers), ['moved', 'moved'])
  assert.deepEqual(pick(titles.get('a')), { copies: 2, held: 0, sold: 1 })
})

test('copies that are not there are not moved: whole, and without touching the others', () => {
  const titles = stock({ a: 2, b: 2 }, { held: 1 })
  const requests = [
    settle('confirm', { a: 1, b: 2 }),
    settle('return', { a: 1 }),
    settle('release', { x: 1 }),
  ]
  const { answers, movements } = allot(titles, requests, nowMs)
  assert.deepEqual(kinds(answers), ['not-there', 'not-there', 'not-there'])
  assert.deepEqual(movements, [])
  assert.deepEqual(pick(titles.get('a')), { copies: 2, held: 1, sold: 0 })
})

test('an edit sets the copies owned, each with its reason, and never below what is held and sold', () => {
  const titles = stock({ a: 3 }, { held: 1, sold: 1 })
  const { answers, movements } = allot(titles, [set(1), set(5), reserve({ a: 3 }), set(2), set(7)], nowMs)
  assert.deepEqual(answers[0], { kind: 'below-sold', committed: 2 })
  assert.deepEqual(answers[1], { kind: 'copies-set', copies: 5, available: 3 })
  assert.deepEqual(kinds(answers.slice(2)), ['reserved', 'below-sold', 'copies-set'])
  assert.deepEqual(
    movements
      .filter(({ movement }) => movement === 'set-copies')
      .map(({ copies, reason }) => [copies, reason]),
    [
      [2, 'to 5'],
      [2, 'to 7'],
    ],
  )
})

test('a title named twice in one order is a bug, and stops the group', () => {
  const line = { isbn: 'a', quantity: 1, alreadyBought: 0 }
  assert.throws(
    () => allot(stock({ a: 1 }), [{ kind: 'reserve', customer: 'ada', lines: [line, line] }], nowMs),
    { name: 'AssertionError' },
  )
})

const kinds = (answers: readonly { kind: string }[]) => answers.map(({ kind }) => kind)
const pick = (title: Title | undefined) =>
  title && { copies: title.copies, held: title.held, sold: title.sold }

function stock(copies: Record<string, number>, more: Partial<Title> = {}): Map<string, Title> {
  const book = {
    limited: false,
    salesOpenAt: null,
    priceAmount: 100,
    priceCurrency: 'EUR',
    perCustomer: null,
  }
  return new Map(
    Object.entries(copies).map(([isbn, owned]) => [
      isbn,
      { isbn, title: `Title ${isbn}`, copies: owned, held: 0, sold: 0, ...book, ...more },
    ]),
  )
}

function reserve(quantities: Record<string, number>, customer: unknown = 'ada', bought = 0): StockRequest {
  const lines = Object.entries(quantities).map(([isbn, quantity]) => ({
    isbn,
    quantity,
    alreadyBought: bought,
  }))
  return { kind: 'reserve', customer: String(customer), lines }
}

function settle(kind: 'confirm' | 'release' | 'return', quantities: Record<string, number>): StockRequest {
  return { kind, lines: Object.entries(quantities).map(([isbn, quantity]) => ({ isbn, quantity })) }
}

function set(copies: number): StockRequest {
  return { kind: 'set-copies', isbn: 'a', copies, reason: `to ${copies}` }
}
