import { faultPoint } from '#kernel/fault-point'
import { type Clock, systemClock } from '#ports/clock'
import { ConstraintViolation, type Database, type Statements } from '#ports/database'
import { type GroupCommit, type GroupOutcome, orderChangedTopic, type PlacedOrder } from '#services/orders'
import { decisionKey, isTooOld } from './decisions.ts'
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
    if (error instanceof SettlementRefused) return { kind: 'refused', orders: error.orders }
    if (!(error instanceof ConstraintViolation)) throw error
    if (error.constraint === decisionKey) return { kind: 'fenced' }
    if (error.constraint === 'one_order_per_key' || error.constraint === 'customer_limit')
      return { kind: 'conflict' }
    throw error
  }
}

/** Decision, orders, limits, the sagas of free orders and the news of it all, in one statement. */
async function insertGroup(
  statements: Statements,
  id: string,
  { participants, placed }: GroupCommit,
): Promise<void> {
  const free = placed.filter((order) => order.total.amount === 0)
  const limits = limitsOf(placed)
  const news = JSON.stringify({ orders: placed.map((order) => ({ id: order.id, version: 1 })) })
  await statements.execute(
    `WITH decision AS (
       INSERT INTO orders.decisions (transaction_id, outcome, participants) VALUES ($1, 'committed', $2)
     ), placed AS (
       INSERT INTO orders.orders (id, idempotency_key, body_hash, token_hash, customer_name, customer_email, lines,
                                  total_amount, total_currency, created_at, expires_at, saga_id, transaction_id)
       SELECT p.id, key, body, decode(token, 'hex'), name, email, lines::jsonb, amount, currency, created, expires,
              saga, $1
         FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
                     $10::bigint[], $11::text[], $12::timestamptz[], $13::timestamptz[], $14::uuid[])
           AS p (id, key, body, token, name, email, lines, amount, currency, created, expires, saga)
     ), begun AS (
       INSERT INTO orders.sagas (id, order_id, definition)
       SELECT s.id, order_id, 'free-order' FROM unnest($15::uuid[], $16::uuid[]) AS s (id, order_id)
     ), limited AS (
       INSERT INTO orders.customer_titles AS c (isbn, customer, quantity, per_customer)
       SELECT * FROM unnest($17::text[], $18::text[], $19::int[], $20::int[])
       ON CONFLICT (isbn, customer) DO UPDATE
         SET quantity = c.quantity + excluded.quantity, per_customer = excluded.per_customer
     )
     INSERT INTO orders.outbox (topic, payload) SELECT $21, $22::jsonb WHERE cardinality($3::uuid[]) > 0`,
    [
      id,
      participants,
      placed.map((order) => order.id),
      placed.map((order) => order.keyHash),
      placed.map((order) => order.bodyHash),
      placed.map((order) => order.tokenHash),
      placed.map((order) => order.customer.name),
      placed.map((order) => order.customer.email),
      placed.map((order) => JSON.stringify(order.lines)),
      placed.map((order) => order.total.amount),
      placed.map((order) => order.total.currency),
      placed.map((order) => order.createdAt),
      placed.map((order) => order.expiresAt),
      placed.map((order) => (order.total.amount === 0 ? order.id : null)),
      free.map((order) => order.id),
      free.map((order) => order.id),
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
    const customer = customerKey(order.customer.email)
    for (const { isbn, quantity, perCustomer } of order.limits) {
      const key = `${isbn} ${customer}`
      const sum = byKey.get(key)
      if (sum) sum.quantity += quantity
      else byKey.set(key, { isbn, customer, quantity, perCustomer })
    }
  }
  return [...byKey.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, limit]) => limit)
}

/** Who counts as the same customer for a limit. */
export const customerKey = (email: string) => email.toLowerCase()
