import { settleOrders } from '#services/coordinator'
import type { OrderLine, Settlement } from '#services/orders'
import type { Context } from './context.ts'

const batchMax = 500
const deadlineMs = 10_000

/**
 * Gives back the copies of holds that were not paid in time, through the same two-phase commit as everything else.
 * @returns how many holds had run out
 */
export async function expireOrders({ database, client, clock, announced }: Context): Promise<number> {
  const rows = await database.query<{ id: string; lines: OrderLine[] }>(
    `SELECT id, lines FROM orders.orders
      WHERE status = 'reserved' AND saga_id IS NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2`,
    [new Date(clock.now()), batchMax],
  )
  if (rows.length === 0) return 0
  const settlements = rows.map(
    (row): Settlement => ({
      orderId: row.id,
      movement: 'release',
      to: 'expired',
      sagaId: null,
      lines: row.lines.map(({ isbn, quantity }) => ({ isbn, quantity })),
    }),
  )
  await client.call('coordinator', settleOrders, { body: { settlements }, deadlineMs })
  announced()
  return rows.length
}
