import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { transactionLifeMs } from '#kernel/transaction'
import { systemClock, uuid7 } from '#ports/clock'
import type { Database } from '#ports/database'
import {
  decodeGroup,
  encodeGroup,
  type GroupCommit,
  type PackedGroup,
  type PlacedOrder,
  packGroup,
  portionMax,
  type Settlement,
} from '#services/orders'
import { openOrders } from '../../../test/support/orders.ts'
import { commitGroup } from './commit-group.ts'
import { createDecisionLog, prune } from './decisions.ts'
import { judge, type OrderState } from './settle-orders.ts'

test('a decision and its orders are durable together, and the same request again says so', async (t) => {
  const database = await openOrders(t, 'commit_group')
  const [id, group] = [systemClock.uuid(), groupOf(placed(), placed())]
  assert.deepEqual(await commitGroup(database, id, group), { kind: 'committed' })
  assert.deepEqual(await commitGroup(database, id, group), { kind: 'committed' })
  assert.equal(await count(database), 2)
  assert.equal(await createDecisionLog(database).resolve(id), 'committed')
})

test('who asks first for a decision that is not there makes it aborted, and the group comes too late', async (t) => {
  const database = await openOrders(t, 'commit_group')
  const id = systemClock.uuid()
  const log = createDecisionLog(database)
  assert.equal(await log.resolve(id), 'aborted')
  assert.deepEqual(await commitGroup(database, id, groupOf(placed())), { kind: 'fenced' })
  assert.equal(await log.record(id, ['catalog']), 'fenced')
  assert.equal(await count(database), 0)
})

test('a decision without orders is recorded once, however often the request comes', async (t) => {
  const log = createDecisionLog(await openOrders(t, 'commit_group'))
  const id = systemClock.uuid()
  assert.equal(await log.record(id, ['catalog']), 'recorded')
  assert.equal(await log.record(id, ['catalog']), 'recorded')
  assert.equal(await log.resolve(id), 'committed')
})

test('a known key is a conflict that leaves nothing of its group, for good', async (t) => {
  const database = await openOrders(t, 'commit_group')
  const [known, other] = [placed(), placed()]
  await commitGroup(database, systemClock.uuid(), groupOf(known))
  const id = systemClock.uuid()
  assert.deepEqual(await commitGroup(database, id, groupOf(other, { ...placed(), keyHash: known.keyHash })), {
    kind: 'conflict',
  })
  assert.equal(await count(database), 1)
  // Its coordinator has told the stock to abort: a late copy of the request may not commit it after all.
  assert.deepEqual(await commitGroup(database, id, groupOf(other)), { kind: 'fenced' })
})

test('a group of several portions is there whole, or not at all when its last order has a known key', async (t) => {
  const database = await openOrders(t, 'commit_group')
  const known = { ...placed(), free: true }
  const large = Array.from({ length: 600 }, (_, i) => ({ ...placed(), free: i % 3 === 0 }))
  await commitGroup(database, systemClock.uuid(), groupOf(known))
  const withKnown = [...large.slice(1), { ...placed(), keyHash: known.keyHash }]
  assert.deepEqual(await commitGroup(database, systemClock.uuid(), groupOf(...withKnown)), {
    kind: 'conflict',
  })
  assert.equal(await count(database), 1)
  // As it travels: what comes out at the other end is what went in.
  const group = decodeGroup(encodeGroup(asked(large)))
  assert.deepEqual(await commitGroup(database, systemClock.uuid(), group), { kind: 'committed' })
  const rows = await database.query<{ id: string; key: string; details: string; saga: string | null }>(
    'SELECT id, idempotency_key AS key, details, saga_id AS saga FROM orders.orders WHERE id <> $1 ORDER BY id',
    [known.id],
  )
  const expected = large.map(({ id, keyHash: key, details, free }) => ({
    id,
    key,
    details,
    saga: free ? id : null,
  }))
  assert.deepEqual(rows, expected)
  const [begun] = await database.query('SELECT count(*)::int AS sagas FROM orders.sagas', [])
  assert.deepEqual(begun, { sagas: 201 })
  const [held] = await database.query('SELECT cardinality(order_ids) AS held FROM orders.holds', [])
  assert.deepEqual(held, { held: 400 })
})

test('a group is the same when it has travelled, whether or not some of its orders are free', () => {
  const orders = Array.from({ length: portionMax + 2 }, () => placed())
  const mixed = orders.map((order, i) => ({ ...order, free: i % 2 === 1 }))
  for (const some of [orders, mixed, []])
    assert.deepEqual(decodeGroup(encodeGroup(asked(some))), groupOf(...some))
})

test('a customer limit is kept by the database over groups that know nothing of each other', async (t) => {
  const database = await openOrders(t, 'commit_group')
  const limits = [{ isbn: '9780000000002', quantity: 2, perCustomer: 3 }]
  const order = () => ({ ...placed(), email: 'ada@example.org', limits })
  const outcomes = await Promise.all(
    [1, 2, 3].map(() => commitGroup(database, systemClock.uuid(), groupOf(order()))),
  )
  assert.deepEqual(outcomes.map(({ kind }) => kind).sort(), ['committed', 'conflict', 'conflict'])
})

test('a group races its own recovery: one of the two wins, and both know which', async (t) => {
  const database = await openOrders(t, 'commit_group')
  const log = createDecisionLog(database)
  for (let i = 0; i < 20; i++) {
    const id = systemClock.uuid()
    const [outcome, decision] = await Promise.all([
      commitGroup(database, id, groupOf(placed())),
      log.resolve(id),
    ])
    assert.equal(outcome.kind, decision === 'committed' ? 'committed' : 'fenced')
  }
})

test('a transaction too old for its fence to be remembered is not committed', async (t) => {
  const database = await openOrders(t, 'commit_group')
  const id = uuid7(Date.now() - transactionLifeMs - 1_000, Buffer.alloc(10, 7))
  assert.deepEqual(await commitGroup(database, id, groupOf(placed())), { kind: 'fenced' })
  assert.equal(await createDecisionLog(database).record(id, ['catalog']), 'fenced')
})

test('decisions are kept for an hour, whatever the pruner asks for', async (t) => {
  const database = await openOrders(t, 'commit_group')
  await commitGroup(database, systemClock.uuid(), groupOf(placed()))
  assert.equal(await prune(database, new Date(Date.now() + 60_000), Date.now()), 0)
  const inTwoHours = Date.now() + 2 * 3_600_000
  assert.equal(await prune(database, new Date(inTwoHours), inTwoHours), 1)
})

test('a settlement fits an order only on its course', () => {
  const nowMs = Date.parse('2026-11-20T12:00:00Z')
  const order = (more: Partial<OrderState> = {}): OrderState => ({
    ...{ id: 'o', status: 'reserved', sagaId: null, expiresAt: new Date(nowMs), customerEmail: 'a@b.org' },
    ...{ anyRedeemed: false, paymentKey: null, ...more },
  })
  const ask = (to: 'confirmed' | 'failed' | 'expired' | 'cancelled', sagaId: string | null = null) => {
    const movement = to === 'confirmed' ? 'confirm' : to === 'cancelled' ? 'return' : 'release'
    return { orderId: 'o', movement, to, sagaId, lines: [] } satisfies Settlement
  }
  const cases: [OrderState | undefined, ReturnType<typeof ask>, ReturnType<typeof judge>][] = [
    [undefined, ask('expired'), 'stale'],
    [order(), ask('expired'), 'fits'],
    [order({ expiresAt: new Date(nowMs + 1) }), ask('expired'), 'stale'],
    [order({ sagaId: 's' }), ask('expired'), 'stale'],
    [order({ status: 'expired' }), ask('expired'), 'already'],
    [order({ sagaId: 's' }), ask('confirmed', 's'), 'fits'],
    [order({ sagaId: 's', status: 'paid' }), ask('confirmed', 's'), 'fits'],
    [order({ sagaId: 'other' }), ask('confirmed', 's'), 'stale'],
    [order({ status: 'confirmed' }), ask('confirmed', 's'), 'already'],
    [order({ status: 'redeemed', anyRedeemed: true }), ask('confirmed', 's'), 'already'],
    [order({ status: 'expired' }), ask('confirmed', 's'), 'stale'],
    [order({ status: 'confirmed' }), ask('cancelled'), 'fits'],
    [order({ status: 'confirmed', anyRedeemed: true }), ask('cancelled'), 'stale'],
    [order({ status: 'confirmed', sagaId: 's' }), ask('cancelled'), 'stale'],
    [order({ status: 'cancelled' }), ask('cancelled'), 'stale'],
  ]
  for (const [state, asked, verdict] of cases)
    assert.equal(judge(state, asked, nowMs), verdict, `${state?.status} ${state?.sagaId} → ${asked.to}`)
})

const expiresAt = Date.now() + 60_000
const asked = (placed: PlacedOrder[]): GroupCommit => ({
  participants: ['catalog'],
  placed,
  settled: [],
  expiresAt,
})
const groupOf = (...placed: PlacedOrder[]): PackedGroup => packGroup(asked(placed))

function placed(): PlacedOrder {
  const total = { amount: 100, currency: 'EUR' }
  const details = { customer: { name: 'Ada', email: 'ada@example.org' }, lines: [], total }
  return {
    ...{ id: systemClock.uuid(), keyHash: randomUUID(), bodyHash: randomUUID(), tokenHash: randomUUID() },
    ...{ email: 'ada@example.org', free: false, limits: [], details: JSON.stringify(details) },
  }
}

async function count(database: Database): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM orders.orders',
    [],
  )
  return row?.count ?? 0
}
