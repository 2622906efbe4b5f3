import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkDigit13 } from '#kernel/isbn'
import type { Store } from '../support/whole-store.ts'
import { accepted, type Client, type Reply, type RequestOptions } from './client.ts'

/** A running store with a session that may do everything, and what tests arrange in it. */
export type Shop = Client & { store: Store; staff: string }

let books = 0
/** An ISBN that no other test has. */
export function newIsbn(): string {
  const twelve = `97912${String(++books).padStart(7, '0')}`
  return twelve + checkDigit13(twelve)
}

export type BookOptions = { copies?: number; amount?: number } & Record<string, unknown>

/** Adds a book and sets its stock. @returns its ISBN */
export async function addBook(shop: Shop, options: BookOptions = {}): Promise<string> {
  const { copies = 10, amount = 1250, isbn = newIsbn(), ...fields } = options
  const book = { isbn, title: `Title ${isbn}`, price: { amount, currency: 'EUR' }, ...fields }
  accepted(await shop.post('/api/books', { body: book, token: shop.staff }), 201)
  if (copies > 0) await setStock(shop, isbn as string, copies)
  return isbn as string
}

export async function setStock(shop: Shop, isbn: string, copies: number): Promise<void> {
  accepted(await shop.put(`/api/books/${isbn}/stock`, { body: { copies }, token: shop.staff }))
}

export async function available(shop: Shop, isbn: string): Promise<number> {
  return accepted(await shop.get(`/api/books/${isbn}/availability`)).available
}

/** Waits until so many copies are left: an order is answered a moment before the copies it took are seen to be gone. */
export async function leaves(shop: Shop, isbn: string, copies: number): Promise<void> {
  const deadline = performance.now() + 20_000
  let now = await available(shop, isbn)
  while (now !== copies && performance.now() < deadline) {
    await sleep(10)
    now = await available(shop, isbn)
  }
  assert.equal(now, copies, `copies left of ${isbn}`)
}

export const newKey = () => `key-${randomBytes(12).toString('hex')}`
export const ada = { name: 'Ada Byron', email: 'ada@example.org' }
export const line = (isbn: string, quantity = 1) => ({ isbn, quantity })

/** Asks for an order, whatever the answer. */
export function order(
  shop: Shop,
  lines: unknown,
  { key = newKey(), customer = ada, ...options }: RequestOptions & { key?: string; customer?: unknown } = {},
): Promise<Reply> {
  return shop.post('/api/orders', {
    body: { customer, lines },
    ...options,
    headers: { 'idempotency-key': key, ...options.headers },
  })
}

export type Placed = { id: string; token: string; status: string; vouchers: { code: string; url: string }[] }

/** Places an order that has to succeed. */
export async function place(
  shop: Shop,
  isbn: string,
  quantity = 1,
  options: { key?: string; customer?: unknown } = {},
): Promise<Placed> {
  return accepted(await order(shop, [line(isbn, quantity)], options), 201)
}

export const goodCard = '4242424242424242'
export const declinedCard = '4000000000000002'
export const lostAnswerCard = '4000000000000119'
export const silentCard = '4000000000000259'

export function pay(shop: Shop, { id, token }: Placed, card = goodCard): Promise<Reply> {
  return shop.post(`/api/orders/${id}/payment`, { body: { method: 'test', card }, token })
}

/** Waits until an order is as wanted. @returns it */
export async function until(
  shop: Shop,
  { id, token }: Placed,
  wanted: (now: Reply['body']) => boolean,
  limitMs = 20_000,
): Promise<Reply['body']> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const now = accepted(await shop.get(`/api/orders/${id}`, { token }))
    if (wanted(now)) return now
    assert.ok(performance.now() < deadline, `not within ${limitMs} ms: ${wanted} of ${JSON.stringify(now)}`)
    await sleep(50)
  }
}

export const isConfirmed = (now: Reply['body']) => now.status === 'confirmed'

/** An order that has become vouchers. */
export async function confirmed(shop: Shop, isbn: string, quantity = 1): Promise<Placed> {
  const placed = await place(shop, isbn, quantity)
  const { total } = placed as unknown as { total: { amount: number } }
  if (total.amount > 0) accepted(await pay(shop, placed), 202)
  return { ...(await until(shop, placed, isConfirmed)), token: placed.token }
}

/** Logs in as a program does. @returns the token */
export async function logIn(
  client: Client,
  credentials: { email: string; password: string },
): Promise<string> {
  const reply = await client.post('/api/session', {
    body: credentials,
    headers: { accept: 'application/json' },
  })
  return accepted(reply).token
}
