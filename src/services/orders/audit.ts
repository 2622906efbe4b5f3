import { isDeepStrictEqual } from 'node:util'
import { type Check, check } from '#kernel/invariant'
import type { Database } from '#ports/database'
import type { ObjectStore } from '#ports/object-store'
import type { Payment } from '#ports/payment'
import { confirmedVouchers, withoutObject } from './saga/redraw-vouchers.ts'

/** A saga that has not moved, a hold past its end, a message not carried off: so old before something is wrong. */
const sagaMaxMinutes = 10
const holdMaxSeconds = 60
const outboxMaxSeconds = 60
/** Payments asked for at the provider, newest first. */
const paymentsMax = 10_000

/** Vouchers whose PDF is looked for in the object store, newest first. */
const objectsMax = 10_000

/** What OrderDb must say of itself, and the payment provider and the object store of its orders. */
export async function auditOrders(
  database: Database,
  payment: Payment,
  objects: Pick<ObjectStore, 'head'>,
): Promise<Check[]> {
  return [
    await oneOrderPerKey(database),
    await vouchersMatchCopies(database),
    await vouchersAreStored(database, objects),
    await moneyMatches(database, payment),
    await nothingIsStuck(database),
  ]
}

async function oneOrderPerKey(database: Database): Promise<Check> {
  const [row] = await database.query<{ orders: number; keys: number; unexplained: number }>(
    `SELECT count(*)::int AS orders, count(DISTINCT idempotency_key)::int AS keys,
            count(*) FILTER (WHERE d.outcome = 'aborted')::int AS unexplained
       FROM orders.all_orders o LEFT JOIN orders.decisions d USING (transaction_id)`,
    [],
  )
  const { orders = 0, keys = 0, unexplained = 0 } = row ?? {}
  const details = []
  if (orders !== keys) details.push(`${orders} orders for ${keys} idempotency keys`)
  if (unexplained > 0) details.push(`${unexplained} orders of transactions that were aborted`)
  return check('one idempotency key, one order', orders, details)
}

async function vouchersMatchCopies(database: Database): Promise<Check> {
  const rows = await database.query<{
    id: string
    status: string
    copies: number
    vouchers: number
    wrong: boolean
  }>(
    `SELECT o.id, o.status, l.copies::int, coalesce(v.vouchers, 0)::int AS vouchers,
            coalesce(v.vouchers, 0) <> CASE WHEN o.status IN ('confirmed', 'redeemed') THEN l.copies ELSE 0 END AS wrong
       FROM orders.all_orders o
       CROSS JOIN LATERAL (SELECT sum((line ->> 'quantity')::int) AS copies FROM json_array_elements(details::json -> 'lines') line) l
       LEFT JOIN (SELECT order_id, count(*) AS vouchers FROM orders.all_vouchers WHERE status <> 'revoked' GROUP BY order_id) v
         ON v.order_id = o.id
      WHERE o.status NOT IN ('reserved', 'paid')`,
    [],
  )
  const wrong = rows.filter((row) => row.wrong)
  return check(
    'a confirmed order has one valid voucher for each copy, no other order has any',
    rows.length,
    wrong.map(
      ({ id, status, copies, vouchers }) => `${id} (${status}): ${vouchers} vouchers for ${copies} copies`,
    ),
  )
}

async function vouchersAreStored(database: Database, objects: Pick<ObjectStore, 'head'>): Promise<Check> {
  const vouchers = await confirmedVouchers(database, { newest: objectsMax })
  const missing = await withoutObject(objects, vouchers)
  return check(
    'a valid voucher has its PDF in the object store',
    vouchers.length,
    missing.map(
      ({ code, orderId }) => `${code} of order ${orderId}: no PDF; it is drawn again within minutes`,
    ),
  )
}

async function moneyMatches(database: Database, payment: Payment): Promise<Check> {
  const orders = await moneyOf(database)
  const suspects = new Map<string, { order: OrderMoney; detail: string }>()
  for (const order of orders) {
    const { id, status, paymentKey, sagaId } = order
    const state = paymentKey === null ? undefined : await payment.state(paymentKey)
    const expected = ['cancelled', 'refunded'].includes(status) ? 'refunded' : 'captured'
    // While a saga is at work the money may be on its way.
    if (state !== expected && sagaId === null)
      suspects.set(id, { order, detail: `${id} (${status}): payment is ${state ?? 'missing'}` })
  }
  // Who has gone on since they were read may well have had their money moved.
  const still = suspects.size === 0 ? [] : await moneyOf(database, [...suspects.keys()])
  const details = still.flatMap((now) => {
    const suspect = suspects.get(now.id)
    return suspect !== undefined && isDeepStrictEqual(now, suspect.order) ? [suspect.detail] : []
  })
  return check('captured minus refunded is zero or the total', orders.length, details)
}

type OrderMoney = { id: string; status: string; paymentKey: string | null; sagaId: string | null }

/** Orders that money belongs to: the newest, or those with the given ids. */
async function moneyOf(database: Database, ids?: readonly string[]): Promise<OrderMoney[]> {
  return await database.query<OrderMoney>(
    `SELECT id, status, payment_key AS "paymentKey", saga_id AS "sagaId" FROM orders.all_orders
      WHERE (details::json -> 'total' ->> 'amount')::bigint > 0 AND ($2::uuid[] IS NULL OR id = ANY($2))
        AND (payment_key IS NOT NULL OR status IN ('paid', 'confirmed', 'redeemed', 'refunded'))
      ORDER BY id DESC LIMIT $1`,
    [paymentsMax, ids ?? null],
  )
}

async function nothingIsStuck(database: Database): Promise<Check> {
  const sagas = await database.query<{ id: string; text: string }>(
    `SELECT id, definition || ' step ' || step || ' ' || state || ': ' || coalesce(last_error, 'no error') AS text
       FROM orders.sagas WHERE state IN ('running', 'compensating')
        AND updated_at < now() - make_interval(mins => $1)`,
    [sagaMaxMinutes],
  )
  const holds = await database.query<{ id: string }>(
    `SELECT id FROM orders.orders WHERE status = 'reserved' AND saga_id IS NULL
        AND expires_at < now() - make_interval(secs => $1) LIMIT 100`,
    [holdMaxSeconds],
  )
  const messages = await database.query<{ id: number }>(
    'SELECT id FROM orders.outbox WHERE created_at < now() - make_interval(secs => $1) LIMIT 100',
    [outboxMaxSeconds],
  )
  return check(
    'no saga, hold or message is older than its limit',
    sagas.length + holds.length + messages.length,
    [
      ...sagas.map(({ id, text }) => `saga ${id}: ${text}`),
      ...holds.map(({ id }) => `order ${id} should have expired`),
      ...messages.map(({ id }) => `outbox message ${id} is not carried off`),
    ],
  )
}

/** Held and sold copies per title, as orders have them; of one title, or of all. */
export async function copiesByTitle(
  database: Database,
  isbn?: string,
): Promise<Map<string, { held: number; sold: number }>> {
  const rows = await database.query<{ isbn: string; held: number; sold: number }>(
    `SELECT line ->> 'isbn' AS isbn,
            coalesce(sum((line ->> 'quantity')::int) FILTER (WHERE status IN ('reserved', 'paid')), 0)::int AS held,
            coalesce(sum((line ->> 'quantity')::int) FILTER (WHERE status IN ('confirmed', 'redeemed')), 0)::int AS sold
       FROM orders.all_orders, json_array_elements(details::json -> 'lines') line
      WHERE status IN ('reserved', 'paid', 'confirmed', 'redeemed') AND ($1::text IS NULL OR line ->> 'isbn' = $1)
      GROUP BY 1`,
    [isbn ?? null],
  )
  return new Map(rows.map((row) => [row.isbn, { held: row.held, sold: row.sold }]))
}
