import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '#ports/broker'
import { openObjectStore } from '#ports/object-store'
import { bucketNotifiedTopic } from '#services/vouchers'
import { partsMissing, type RealParts, startRealParts } from '../../deploy/real/parts.ts'
import { fileScope } from '../support/file-scope.ts'
import { until } from '../support/until.ts'
import { octavo, type Store, startStore } from '../support/whole-store.ts'

// A whole store on MariaDB, RabbitMQ, S3 and Redis: the voyage of an order, and what becomes of orders when one of them dies.
// Meanwhile one in five of the bucket's notifications is lost, and one in five comes twice.

const skip = partsMissing()[0] ?? false
const heardTopic = 'bucket.heard'
const relayed = { lost: 0, once: 0, twice: 0 }
const scope = fileScope()
let parts: RealParts
let store: Store

before(async () => {
  if (skip !== false) return
  const folder = mkdtempSync(join(tmpdir(), 'octavo-real-'))
  scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  parts = await startRealParts(scope, folder, heardTopic)
  store = await startStore(scope, 'on', parts.env)
  await relayBadly(parts.env.OCTAVO_BROKER ?? '')
})

/** Between the bucket and the store. */
async function relayBadly(url: string): Promise<void> {
  const broker = await openBroker(url, { applicationName: 'relay' })
  scope.after(() => broker[Symbol.asyncDispose]())
  await broker.subscribe('test-relay', [heardTopic], async ({ payload }) => {
    const chance = Math.random()
    const fate = chance < 0.2 ? 'lost' : chance < 0.4 ? 'twice' : 'once'
    const message = { topic: bucketNotifiedTopic, payload }
    if (fate !== 'lost') await broker.publish(fate === 'twice' ? [message, message] : [message])
    relayed[fate]++
  })
}

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
/** Asks again with the same key until there is an answer that stands, as the shop does. */
async function buy(): Promise<Order> {
  if (isbns.length === 0) {
    const answer = await send('GET', '/api/books?available=true&limited=false&limit=100')
    isbns = ((await answer.json()) as { items: { isbn: string }[] }).items.map(({ isbn }) => isbn)
  }
  const customer = { name: 'Ada Voyage', email: `ada.${crypto.randomUUID()}@example.org` }
  const key = { 'idempotency-key': crypto.randomUUID() }
  const lines = [{ isbn: isbns[bought++ % isbns.length], quantity: 1 }]
  const placed = await insist(() => send('POST', '/api/orders', { customer, lines }, key))
  // Each order takes the next title; those that are sold out are passed over.
  if (placed.status === 409) return await buy()
  const order = (await placed.json()) as Order
  receipts.push(order)
  const payment = { method: 'test', card: '4242424242424242' }
  const as = { ...key, authorization: `Bearer ${order.token}` }
  await insist(() => send('POST', `/api/orders/${order.id}/payment`, payment, as))
  return order
}
const receipts: Order[] = []
const insistMs = 60_000

/** A part that is away costs an answer, never a wrong one. */
async function insist(ask: () => Promise<Response>): Promise<Response> {
  const giveUpMs = performance.now() + insistMs
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer?.ok || (answer?.status === 409 && /out-of-stock/.test(await answer.clone().text())))
      return answer
    const isWrong = answer !== undefined && ![409, 429, 502, 503, 504].includes(answer.status)
    assert.ok(!isWrong, `${answer?.status} ${isWrong && (await answer.text())}`)
    assert.ok(performance.now() < giveUpMs, `no answer within ${insistMs} ms, the last one ${answer?.status}`)
    await sleep(200)
  }
}

async function look({ id, token }: Order): Promise<Order> {
  const answer = await send('GET', `/api/orders/${id}`, undefined, { authorization: `Bearer ${token}` })
  return { ...((await answer.json()) as Order), token }
}

const confirmedWithinMs = 150_000
async function confirmed(order: Order): Promise<Order> {
  let seen = order
  await until(
    async () => {
      seen = await look(order)
      return seen.status === 'confirmed'
    },
    `order ${order.id} is confirmed`,
    confirmedWithinMs,
  )
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
  'MariaDB is killed': async () => {
    await parts.mariadb.kill()
    return () => parts.mariadb.start()
  },
  'MariaDB freezes': async () => {
    parts.mariadb.freeze()
    return async () => parts.mariadb.thaw()
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
const buyersCount = 3

for (const [fault, strike] of Object.entries(faults))
  test(`${fault} under load: each order is taken, and confirmed with its voucher once it is back`, {
    skip,
  }, async (t) => {
    const orders: Order[] = []
    let isOver = false
    const buyers = Array.from({ length: buyersCount }, async () => {
      while (!isOver) orders.push(await buy())
    })
    const before = receipts.length
    await until(() => receipts.length > before)
    const mend = await strike()
    await sleep(awayMs)
    await mend()
    const backMs = performance.now()
    isOver = true
    await Promise.all(buyers)
    for (const order of orders) await confirmed(order)
    t.diagnostic(
      `${orders.length} orders, all confirmed ${Math.round(performance.now() - backMs)} ms after it was back`,
    )
  })

test('after all of it: each receipt is an order, each voucher one object, no dead letter, and the audit is clean', {
  skip,
}, async (t) => {
  for (const order of receipts)
    assert.match((await look(order)).status, /confirmed|redeemed|cancelled|refunded/)
  const objects = await openObjectStore(parts.env.OCTAVO_OBJECT_STORE ?? '', { secret: 'none' })
  scope.after(() => objects[Symbol.asyncDispose]())
  const keys = await objects.list('vouchers/')
  assert.equal(keys.length, receipts.length)
  assert.deepEqual(await octavo(store, ['dead-letters']), { code: 0, said: 'No queue has dead letters.\n' })
  const audit = await octavo(store, ['audit'])
  assert.equal(audit.code, 0, audit.said)
  t.diagnostic(`${receipts.length} receipts; notifications: ${JSON.stringify(relayed)}`)
})
