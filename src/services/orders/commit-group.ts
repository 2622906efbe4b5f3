import { faultPoint } from '#kernel/fault-point'
import { type Clock, systemClock } from '#ports/clock'
import { ConstraintViolation, type Database, jsonArray, type Statements, uuidArray } from '#ports/database'
import {
  customerKey,
  type GroupCommit,
  type GroupOutcome,
  orderChangedTopic,
  type PlacedOrder,
} from '#services/orders'
import { decisionKey, isTooOld, resolve } from './decisions.ts'
import { SettlementRefused, settleOrders } from './settle-orders.ts'

/**
 * The last agent of two-phase commit: one local transaction carries the decision row and every order of the group.
 * When it is durable the group is committed, whatever happens next; if it fails nothing of the group exists.
 */
export async function commitGroup(
  database: Database,
  id: string,
  group: GroupCommit,
  clock: Clock = systemClock,
): Promise<GroupOutcome> {
  if (isTooOld(id, clock.now())) return { kind: 'fenced' }
  await faultPoint('orders:before-decision')
  try {
    if (group.settled.length === 0) await insertGroup(database, id, group)
    else
      await database.transaction(async (tx) => {
        await settleOrders(tx, group.settled, clock)
        await insertGroup(tx, id, group)
      })
    await faultPoint('orders:after-decision')
    return { kind: 'committed' }
  } catch (error) {
    if (!(error instanceof SettlementRefused || error instanceof ConstraintViolation)) throw error
    // The same request may have come before, or come again: what is answered now has to stay so.
    if ((await resolve(database, id)) === 'committed') return { kind: 'committed' }
    return refusalOf(error)
  }
}

/** @throws the error itself when it is no answer to the group's members */
function refusalOf(error: SettlementRefused | ConstraintViolation): GroupOutcome {
  if (error instanceof SettlementRefused) return { kind: 'refused', orders: error.orders }
  if (error.constraint === decisionKey) return { kind: 'fenced' }
  const isKnown = error.constraint === 'one_order_per_key' || error.constraint === 'customer_limit'
  if (!isKnown) throw error
  return { kind: 'conflict' }
}

/** Decision, orders, their holds and limits, the sagas of free orders and the news of it all, in one statement. */
async function insertGroup(statements: Statements, id: string, group: GroupCommit): Promise<void> {
  const { participants, placed, expiresAt } = group
  const limits = limitsOf(placed)
  const free = uuidArray(placed.flatMap((order) => (order.free ? [order.id] : [])))
  const held = uuidArray(placed.flatMap((order) => (order.free ? [] : [order.id])))
  const news = JSON.stringify({ orders: placed.map((order) => ({ id: order.id, version: 1 })) })
  await statements.execute(
    `WITH decision AS (
       INSERT INTO orders.decisions (transaction_id, outcome, participants) VALUES ($1, 'committed', $2)
     ), placed AS (
       INSERT INTO orders.orders (id, idempotency_key, body_hash, token_hash, details, saga_id, expires_at,
                                  transaction_id)
       SELECT p.id, key, body, token, details, saga, $9, $1
         FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::json[], $8::uuid[])
           AS p (id, key, body, token, details, saga)
     ), held AS (
       INSERT INTO orders.holds (transaction_id, order_ids, due_at) SELECT $1, $10, $9
        WHERE cardinality($10::uuid[]) > 0
     ), begun AS (
       INSERT INTO orders.sagas (id, order_id, definition)
       SELECT id, id, 'free-order' FROM unnest($11::uuid[]) AS id
     ), limited AS (
       INSERT INTO orders.customer_titles AS c (isbn, customer, quantity, per_customer)
       SELECT * FROM unnest($12::text[], $13::text[], $14::int[], $15::int[])
       ON CONFLICT (isbn, customer) DO UPDATE
         SET quantity = c.quantity + excluded.quantity, per_customer = excluded.per_customer
     )
     INSERT INTO orders.outbox (topic, payload) SELECT $16, $17::json WHERE cardinality($3::uuid[]) > 0`,
    [
      id,
      participants,
      uuidArray(placed.map((order) => order.id)),
      uuidArray(placed.map((order) => order.keyHash)),
      uuidArray(placed.map((order) => order.bodyHash)),
      uuidArray(placed.map((order) => order.tokenHash)),
      jsonArray(placed.map((order) => order.details)),
      uuidArray(placed.map((order) => (order.free ? order.id : null))),
      new Date(expiresAt),
      held,
      free,
      limits.map((limit) => limit.isbn),
      limits.map((limit) => limit.customer),
      limits.map((limit) => limit.quantity),
      limits.map((limit) => limit.perCustomer),
      orderChangedTopic,
      news,
    ],
  )
}

type Limit = { isbn: string; customer: string; quantity: number; perCustomer: number }

/** One row per title and customer, in key order, so that two groups never wait for each other in a ring. */
function limitsOf(placed: readonly PlacedOrder[]): Limit[] {
  const byKey = new Map<string, Limit>()
  for (const order of placed) {
    const customer = customerKey(order.email)
    for (const { isbn, quantity, perCustomer } of order.limits) {
      const key = `${isbn} ${customer}`
      const sum = byKey.get(key)
      if (sum) sum.quantity += quantity
      else byKey.set(key, { isbn, customer, quantity, perCustomer })
    }
  }
  return [...byKey.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, limit]) => limit)
}
