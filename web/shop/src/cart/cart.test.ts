import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as gateway from '#services/coordinator'
import type { Book } from '#services/gateway'
import {
  addToCart,
  type Cart,
  countCopies,
  linesMax,
  parseCart,
  quantityMax,
  refreshLine,
  setQuantity,
} from './cart.ts'
import { isOrderable, lineState } from './line-state.ts'

test('the cart has the limits of the API', () => {
  assert.equal(linesMax, gateway.linesMax)
  assert.equal(quantityMax, gateway.quantityMax)
})

test('adding a title twice makes one line with both copies', () => {
  const cart = added(added([], book('1'), 1), book('1'), 2)
  assert.equal(cart.length, 1)
  assert.equal(cart[0]?.quantity, 3)
  assert.equal(countCopies(cart), 3)
})

test('adding more than one reader may have changes nothing and says how many are allowed', () => {
  const limited = { ...book('1'), perCustomer: 2 }
  const cart = added([], limited, 2)
  assert.deepEqual(addToCart(cart, limited, 1), { kind: 'limit', quantityMax: 2 })
})

test('a full cart takes no further title, but further copies of one it has', () => {
  let cart: Cart = []
  for (let n = 0; n < linesMax; n++) cart = added(cart, book(String(n)), 1)
  assert.deepEqual(addToCart(cart, book('new'), 1), { kind: 'cart-full' })
  assert.equal(added(cart, book('3'), 1).length, linesMax)
})

test('a quantity is cut to the limit of its line, and zero takes the line out', () => {
  const cart = added([], { ...book('1'), perCustomer: 3 }, 1)
  assert.equal(setQuantity(cart, '1', 9)[0]?.quantity, 3)
  assert.deepEqual(setQuantity(cart, '1', 0), [])
})

test('a line takes over a new price and keeps its quantity', () => {
  const cart = added([], book('1'), 4)
  const dearer = { ...book('1'), price: { amount: 2000, currency: 'EUR' } }
  assert.deepEqual(refreshLine(cart, dearer)[0]?.price, dearer.price)
  assert.equal(refreshLine(cart, dearer)[0]?.quantity, 4)
})

test('a stored cart comes back as it was', () => {
  const cart = added(added([], book('1'), 1), { ...book('2'), perCustomer: 2 }, 2)
  assert.deepEqual(parseCart(JSON.stringify(cart)), cart)
})

test('what is not a cart is an empty cart', () => {
  const line = added([], book('1'), 1)[0]
  const broken = [
    null,
    '',
    'no',
    '{}',
    '[1]',
    '[null]',
    JSON.stringify([{ ...line, quantity: -1 }]),
    JSON.stringify([{ ...line, quantity: 1e9 }]),
    JSON.stringify([{ ...line, price: null }]),
  ]
  for (const text of broken) assert.deepEqual(parseCart(text), [], String(text))
})

test('a line is told from what the shop has now', () => {
  const two = { quantity: 2 }
  assert.deepEqual(lineState(two, undefined), { kind: 'loading' })
  assert.deepEqual(lineState(two, 'missing'), { kind: 'gone' })
  assert.deepEqual(lineState(two, stocked(5, 'low')), { kind: 'fine' })
  assert.deepEqual(lineState(two, stocked(1, 'low')), { kind: 'short', available: 1 })
  assert.deepEqual(lineState(two, stocked(0, 'sold-out')), { kind: 'sold-out' })
  assert.equal(isOrderable(lineState(two, stocked(9, 'upcoming'))), false)
})

function added(cart: Cart, what: Book, quantity: number): Cart {
  const result = addToCart(cart, what, quantity)
  assert.equal(result.kind, 'added')
  return result.kind === 'added' ? result.cart : cart
}

const stocked = (available: number, status: Book['availability']['status']): Book => ({
  ...book('1'),
  availability: { available, status },
})

function book(isbn: string): Book {
  return {
    isbn,
    title: `Book ${isbn}`,
    subtitle: null,
    contributors: [{ name: 'Ada Byron', role: 'author' }],
    publisher: null,
    publishedOn: null,
    language: 'en',
    format: 'paperback',
    description: null,
    subjects: [],
    price: { amount: 1250, currency: 'EUR' },
    cover: `/api/books/${isbn}/cover.svg`,
    limited: false,
    perCustomer: null,
    salesOpenAt: null,
    availability: { available: 10, status: 'in-stock' },
  }
}
