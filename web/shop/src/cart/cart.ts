import type { Book } from '#services/gateway'
import { byline } from '../text/book.ts'

/** The most an order may hold; the same numbers as the API's, which `cart.test.ts` makes sure of. */
export const linesMax = 20
export const quantityMax = 1000

/** One title in the cart, with what was true when it was put there. */
export type CartLine = {
  isbn: string
  quantity: number
  title: string
  byline: string
  cover: string
  price: { amount: number; currency: string }
  perCustomer: number | null
}

export type Cart = readonly CartLine[]

export type AddResult =
  | { kind: 'added'; cart: Cart }
  | { kind: 'cart-full' }
  | { kind: 'limit'; quantityMax: number }

/** The most copies of a title that one order can ask for. */
export const lineLimit = (line: { perCustomer: number | null }) =>
  Math.min(line.perCustomer ?? quantityMax, quantityMax)

/** Puts copies into the cart, on top of those already there. Says so instead of cutting when a limit is in the way. */
export function addToCart(cart: Cart, book: Book, quantity: number): AddResult {
  // What has no known price is not offered; a page that is behind hears the same.
  if (book.price === null) return { kind: 'limit', quantityMax: 0 }
  const there = cart.find((line) => line.isbn === book.isbn)
  const wanted = (there?.quantity ?? 0) + quantity
  const limit = lineLimit(book)
  if (wanted > limit) return { kind: 'limit', quantityMax: limit }
  if (!there && cart.length >= linesMax) return { kind: 'cart-full' }
  const line = lineOf(book, book.price, wanted)
  return { kind: 'added', cart: there ? cart.map((l) => (l.isbn === book.isbn ? line : l)) : [...cart, line] }
}

/** Sets a line's quantity, within 1 and its limit; 0 takes it out. */
export function setQuantity(cart: Cart, isbn: string, quantity: number): Cart {
  if (quantity <= 0) return cart.filter((line) => line.isbn !== isbn)
  return cart.map((line) =>
    line.isbn === isbn ? { ...line, quantity: Math.min(Math.floor(quantity), lineLimit(line)) } : line,
  )
}

/** Brings what the cart remembers of a title up to date. */
export function refreshLine(cart: Cart, book: Book): Cart {
  return cart.map((line) =>
    line.isbn === book.isbn ? lineOf(book, book.price ?? line.price, line.quantity) : line,
  )
}

export const countCopies = (cart: Cart) => cart.reduce((sum, line) => sum + line.quantity, 0)

/** Reads a stored cart. Anything that is not one, from an older version or another hand, is an empty cart. */
export function parseCart(text: string | null): Cart {
  if (!text) return []
  try {
    const stored: unknown = JSON.parse(text)
    if (!Array.isArray(stored)) return []
    return stored.filter(isLine).slice(0, linesMax)
  } catch {
    return []
  }
}

function lineOf(book: Book, price: CartLine['price'], quantity: number): CartLine {
  const { isbn, title, cover, perCustomer } = book
  return { isbn, quantity, title, byline: byline(book), cover, price, perCustomer }
}

function isLine(value: unknown): value is CartLine {
  if (typeof value !== 'object' || value === null) return false
  const line = value as Partial<Record<keyof CartLine, unknown>>
  const price = line.price as Partial<CartLine['price']> | null | undefined
  return (
    typeof line.isbn === 'string' &&
    typeof line.title === 'string' &&
    typeof line.byline === 'string' &&
    typeof line.cover === 'string' &&
    Number.isInteger(line.quantity) &&
    (line.quantity as number) >= 1 &&
    (line.quantity as number) <= quantityMax &&
    Number.isInteger(price?.amount) &&
    typeof price?.currency === 'string' &&
    (line.perCustomer === null || Number.isInteger(line.perCustomer))
  )
}
