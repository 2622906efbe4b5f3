import { settleOrders } from '#services/coordinator'
import type { OrderLine, Settlement } from '#services/orders'
import type { Context } from './context.ts'

/** Groups of holds looked at in one go; each has at most as many orders as a group. */
const holdsMax = 20
/** A hold with a payment under way, or one that could not be given back, is looked at again this much later. */
const againSeconds = 5
/** Settlements in one request: far fewer than the coordinator lets wait. */
const settledMax = 500
const deadlineMs = 10_000

/**
 * Gives back the copies of holds that were not paid in time, through the same two-phase commit as everything else.
 * @returns how many holds are done with; while there are any, there may be more
 */
export async function expireOrders(context: Context): Promise<number> {
  const { database, client, clock, newsDue } = context
  const due = await claimDue(context)
  if (due.length === 0) return 0
  const reserved = await database.query<{
    id: string
    lines: OrderLine[]
    sagaId: string | null
    expiresAt: Date
  }>(
    `SELECT id, details::json -> 'lines' AS lines, saga_id AS "sagaId", expires_at AS "expiresAt" FROM orders.orders
      WHERE id = ANY($1::uuid[]) AND status = 'reserved'`,
    [due.flatMap((hold) => hold.orderIds)],
  )
  const over = reserved.filter((order) => order.sagaId === null && order.expiresAt.getTime() <= clock.now())
  const settlements = over.map(
    (order): Settlement => ({
      orderId: order.id,
      movement: 'release',
      to: 'expired',
      sagaId: null,
      lines: order.lines.map(({ isbn, quantity }) => ({ isbn, quantity })),
    }),
  )
  for (let i = 0; i < settlements.length; i += settledMax) {
    const some = settlements.slice(i, i + settledMax)
    await client.call('coordinator', settleOrders, { body: { settlements: some }, deadlineMs })
    newsDue()
  }
  return await forgetFinished(context, due)
}

type Hold = { transactionId: string; orderIds: string[] }

/** Takes due holds by putting off when they are due: a process that dies with them leaves them to the next look. */
async function claimDue({ database, clock }: Context): Promise<Hold[]> {
  return await database.query<Hold>(
    `UPDATE orders.holds SET due_at = $1::timestamptz + make_interval(secs => $3)
      WHERE transaction_id IN (SELECT transaction_id FROM orders.holds WHERE due_at <= $1
                                ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
      RETURNING transaction_id AS "transactionId", order_ids AS "orderIds"`,
    [new Date(clock.now()), holdsMax, againSeconds],
  )
}

/** @returns how many of the holds have no reserved order left */
async function forgetFinished({ database }: Context, holds: readonly Hold[]): Promise<number> {
  return await database.execute(
    `DELETE FROM orders.holds h WHERE transaction_id = ANY($1::uuid[]) AND NOT EXISTS (
       SELECT FROM orders.orders o WHERE o.id = ANY(h.order_ids) AND o.status = 'reserved')`,
    [holds.map((hold) => hold.transactionId)],
  )
}
