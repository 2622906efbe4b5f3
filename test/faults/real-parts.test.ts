import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { partsMissing, type RealParts, startRealParts } from '../../deploy/real/parts.ts'
import { until } from '../support/until.ts'
import { type Store, startStore } from '../support/whole-store.ts'

// A whole store on RabbitMQ, S3 and Redis: the voyage of an order, and what becomes of orders when one of them dies.

const skip = partsMissing()[0] ?? false
const ends: (() => unknown)[] = []
const scope = { after: (end: () => unknown) => void ends.push(end) }
let parts: RealParts
let store: Store

before(async () => {
  if (skip !== false) return
  const folder = mkdtempSync(join(tmpdir(), 'octavo-real-'))
  scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  parts = await startRealParts(scope, folder)
  store = await startStore(scope, 'on', parts.env)
})
after(async () => {
  for (const end of ends.toReversed()) await end()
})

type Order = { id: string; token: string; status: string; vouchers: { code: string; url: string }[] }

async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  return await fetch(store.url + path, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  })
}

let isbns: string[] = []
let bought = 0
async function buy(): Promise<Order> {
  if (isbns.length === 0) {
    const answer = await send('GET', '/api/books?available=true&limited=false&limit=100')
    isbns = ((await answer.json()) as { items: { isbn: string }[] }).items.map(({ isbn }) => isbn)
  }
  const customer = { name: 'Ada Voyage', email: `ada.${crypto.randomUUID()}@example.org` }
  const key = { 'idempotency-key': crypto.randomUUID() }
  // Each order takes the next title, so that none is sold out.
  const lines = [{ isbn: isbns[bought++ % isbns.length], quantity: 1 }]
  const placed = await send('POST', '/api/orders', { customer, lines }, key)
  assert.equal(placed.status, 201)
  const order = (await placed.json()) as Order
  const payment = { method: 'test', card: '4242424242424242' }
  const as = { authorization: `Bearer ${order.token}` }
  assert.equal((await send('POST', `/api/orders/${order.id}/payment`, payment, as)).status, 202)
  return order
}

async function look({ id, token }: Order): Promise<Order> {
  const answer = await send('GET', `/api/orders/${id}`, undefined, { authorization: `Bearer ${token}` })
  return { ...((await answer.json()) as Order), token }
}

async function confirmed(order: Order): Promise<Order> {
  let seen = order
  await until(async () => {
    seen = await look(order)
    return seen.status === 'confirmed'
  }, `order ${order.id} is confirmed`)
  return seen
}

test('an order sails: paid, drawn, told by the bucket, downloaded straight from the store, redeemed, refunded', {
  skip,
}, async () => {
  const order = await confirmed(await buy())
  const [voucher] = order.vouchers
  assert.ok(voucher)
  assert.ok(voucher.url.startsWith(`http://127.0.0.1:${parts.s3.port}/vouchers/`), voucher.url)
  const pdf = await fetch(voucher.url)
  assert.equal(pdf.headers.get('content-type'), 'application/pdf')
  assert.match(Buffer.from(await pdf.arrayBuffer()).toString('latin1'), /^%PDF-/)
  const entered = await send('POST', '/api/session', store.staff)
  const cookie = entered.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const redeemed = await send('POST', `/api/vouchers/${voucher.code}/redeem`, undefined, {
    cookie,
    origin: store.url,
  })
  assert.equal(redeemed.status, 200)
  const other = await confirmed(await buy())
  const as = { authorization: `Bearer ${other.token}` }
  assert.ok((await send('POST', `/api/orders/${other.id}/cancel`, undefined, as)).ok)
  await until(async () => /refunded|cancelled/.test((await look(other)).status))
})

const faults: Readonly<Record<string, () => Promise<() => Promise<unknown>>>> = {
  'RabbitMQ is killed': async () => {
    await parts.rabbit.kill()
    return () => parts.rabbit.start()
  },
  'RabbitMQ freezes': async () => {
    parts.rabbit.freeze()
    return async () => parts.rabbit.thaw()
  },
  'the S3 server is killed': async () => {
    await parts.s3.kill()
    return () => parts.s3.start()
  },
  'the S3 server freezes': async () => {
    parts.s3.freeze()
    return async () => parts.s3.thaw()
  },
}
const awayMs = 4_000

for (const [fault, strike] of Object.entries(faults))
  test(`${fault}: orders go on being taken, and each is confirmed with its voucher once it is back`, {
    skip,
  }, async () => {
    const mend = await strike()
    const orders: Order[] = []
    const backMs = performance.now() + awayMs
    while (performance.now() < backMs) {
      orders.push(await buy())
      await sleep(200)
    }
    await mend()
    assert.ok(orders.length > 3)
    for (const order of orders) await confirmed(order)
  })
