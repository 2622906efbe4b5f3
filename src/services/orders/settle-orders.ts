import type { Clock } from '#ports/clock'
import type { Statements } from '#ports/database'
import { customerKey, type GroupOutcome, type OrderStatus, type Settlement } from '#services/orders'
import { noteChanges } from './note-changes.ts'

type Refusals = Extract<GroupOutcome, { kind: 'refused' }>['orders']

/** Some settlements do not fit their orders as they stand; the group rolls back and goes on without them. */
export class SettlementRefused extends Error {
  override name = 'SettlementRefused'
  readonly orders: Refusals
  constructor(orders: Refusals) {
    super(`${orders.length} settlements do not fit their orders`)
    this.orders = orders
  }
}

/** What a settlement is judged by. */
export type OrderState = {
  id: string
  status: OrderStatus
  sagaId: string | null
  expiresAt: Date
  customerEmail: string
  anyRedeemed: boolean
  /** The provider's key of a captured payment, to be refunded when the order is cancelled. */
  paymentKey: string | null
}

/** Whether an order may take a settlement: pure, so that it can be read and simulated. */
export function judge(
  order: OrderState | undefined,
  asked: Settlement,
  nowMs: number,
): 'fits' | 'already' | 'stale' {
  if (order === undefined) return 'stale'
  if (order.status === asked.to && asked.to !== 'cancelled') return 'already'
  // Its reader may be at the counter before its saga hears that it is confirmed.
  if (order.status === 'redeemed' && asked.to === 'confirmed') return 'already'
  const waiting = order.status === 'reserved' || order.status === 'paid'
  const sameSaga = order.sagaId === asked.sagaId
  switch (asked.to) {
    case 'confirmed':
    case 'failed':
      return waiting && sameSaga && asked.sagaId !== null ? 'fits' : 'stale'
    case 'expired':
      return order.status === 'reserved' && order.sagaId === null && order.expiresAt.getTime() <= nowMs
        ? 'fits'
        : 'stale'
    case 'cancelled':
      if (order.sagaId !== null || order.anyRedeemed) return 'stale'
      if (asked.movement === 'release') return order.status === 'reserved' ? 'fits' : 'stale'
      return order.status === 'confirmed' ? 'fits' : 'stale'
  }
}

/**
 * Moves orders on, set-based: status, vouchers revoked, customers' limits given back, refunds begun.
 * @throws SettlementRefused when any does not fit; the caller's transaction must then roll back
 */
export async function settleOrders(
  tx: Statements,
  asked: readonly Settlement[],
  clock: Clock,
): Promise<void> {
  const ids = asked.map((each) => each.orderId)
  const orders = await readStates(tx, ids, 'FOR UPDATE')
  const refused = asked.flatMap((each) => {
    const verdict = judge(orders.get(each.orderId), each, clock.now())
    return verdict === 'fits' ? [] : [{ orderId: each.orderId, reason: verdict }]
  })
  if (refused.length > 0) throw new SettlementRefused(refused)

  const refunds = asked.filter(
    (each) => each.movement === 'return' && orders.get(each.orderId)?.paymentKey != null,
  )
  const refundIds = new Map(refunds.map((each) => [each.orderId, clock.uuid()]))
  await tx.execute(
    `UPDATE orders.orders o SET status = s.status, saga_id = s.refund, version = version + 1
       FROM unnest($1::uuid[], $2::orders.order_status[], $3::uuid[]) AS s (id, status, refund) WHERE o.id = s.id`,
    [
      asked.map((each) => each.orderId),
      asked.map((each) => each.to),
      asked.map((each) => refundIds.get(each.orderId) ?? null),
    ],
  )
  const freed = asked.filter((each) => each.movement !== 'confirm')
  if (freed.length > 0) await giveBack(tx, freed, orders)
  if (refunds.length > 0)
    await tx.execute(
      `INSERT INTO orders.sagas (id, order_id, definition)
       SELECT id, order_id, 'refund' FROM unnest($1::uuid[], $2::uuid[]) AS s (id, order_id)`,
      [[...refundIds.values()], [...refundIds.keys()]],
    )
  await noteChanges(
    tx,
    asked.map((each) => each.orderId),
  )
}

/** How settlements stand to their orders now; nothing is changed or locked. */
export async function verdictsOn(statements: Statements, asked: readonly Settlement[], nowMs: number) {
  const ids = asked.map((each) => each.orderId)
  const orders = await readStates(statements, ids, '')
  return asked.map((each) => ({
    orderId: each.orderId,
    verdict: judge(orders.get(each.orderId), each, nowMs),
  }))
}

async function readStates(
  tx: Statements,
  ids: readonly string[],
  lock: 'FOR UPDATE' | '',
): Promise<Map<string, OrderState>> {
  const rows = await tx.query<OrderState>(
    `SELECT id, status, saga_id AS "sagaId", expires_at AS "expiresAt", details::json -> 'customer' ->> 'email' AS "customerEmail",
            payment_key AS "paymentKey", false AS "anyRedeemed"
       FROM orders.orders WHERE id = ANY($1::uuid[]) ORDER BY id ${lock}`,
    [ids],
  )
  // A statement of its own, after the locks: the first one's snapshot may be older than a redemption it waited for.
  const redeemed = await tx.query<{ id: string }>(
    `SELECT DISTINCT order_id AS id FROM orders.vouchers WHERE order_id = ANY($1::uuid[]) AND status = 'redeemed'`,
    [ids],
  )
  const orders = new Map(rows.map((row) => [row.id, row]))
  for (const { id } of redeemed) {
    const order = orders.get(id)
    if (order) order.anyRedeemed = true
  }
  return orders
}

async function giveBack(
  tx: Statements,
  freed: readonly Settlement[],
  orders: ReadonlyMap<string, OrderState>,
) {
  await tx.execute(
    `UPDATE orders.vouchers SET status = 'revoked', revoked_at = now()
      WHERE order_id = ANY($1::uuid[]) AND status = 'valid'`,
    [freed.map((each) => each.orderId)],
  )
  await tx.execute(
    `WITH back AS (
       SELECT line ->> 'isbn' AS isbn, customer, sum((line ->> 'quantity')::int)::int AS quantity
         FROM unnest($1::uuid[], $2::text[]) AS freed (id, customer) JOIN orders.orders USING (id),
              json_array_elements(details::json -> 'lines') AS line
        WHERE details::jsonb -> 'counted' ? (line ->> 'isbn') GROUP BY 1, 2
     ), locked AS (
       SELECT c.isbn, c.customer, back.quantity FROM orders.customer_titles c JOIN back USING (isbn, customer)
        ORDER BY c.isbn, c.customer FOR UPDATE OF c
     )
     UPDATE orders.customer_titles c SET quantity = greatest(c.quantity - locked.quantity, 0)
       FROM locked WHERE c.isbn = locked.isbn AND c.customer = locked.customer`,
    [
      freed.map((each) => each.orderId),
      freed.map((each) => customerKey(orders.get(each.orderId)?.customerEmail ?? '')),
    ],
  )
}
