import type { LookedUp, LookUp } from '#services/orders'
import type { Context } from './context.ts'
import { type OrderRow, orderColumns } from './order-row.ts'
import { represent } from './represent.ts'
import { verdictsOn } from './settle-orders.ts'

/** What a coordinator needs to know: orders of known keys, what customers have already, how settlements stand. */
export async function lookUp(
  context: Pick<Context, 'database' | 'objects' | 'config' | 'clock'>,
  { keys, limits, settlements = [] }: LookUp,
): Promise<LookedUp> {
  const rows = await context.database.query<OrderRow>(
    `SELECT ${orderColumns} FROM orders.orders WHERE idempotency_key = ANY($1::uuid[])
     UNION ALL
     SELECT ${orderColumns} FROM (
       SELECT o.* FROM unnest($1::uuid[]) AS asked (key),
              LATERAL (SELECT order_id FROM orders.old_keys k WHERE k.key = asked.key OFFSET 0) AS used,
              LATERAL (SELECT * FROM orders.old_orders WHERE id = used.order_id OFFSET 0) AS o) AS old`,
    [keys],
  )
  const bought =
    limits.length === 0
      ? []
      : await context.database.query<LookedUp['bought'][number]>(
          `SELECT isbn, customer, quantity FROM orders.customer_titles
            WHERE (isbn, customer) IN (SELECT * FROM unnest($1::text[], $2::text[]))`,
          [limits.map((limit) => limit.isbn), limits.map((limit) => limit.customer)],
        )
  const orders = await represent(context, context.database, rows)
  const known = rows.map((row, i) => ({
    keyHash: row.idempotencyKey,
    bodyHash: row.bodyHash,
    tokenHash: row.tokenHash,
    order: orders[i] as (typeof orders)[number],
  }))
  const verdicts =
    settlements.length === 0 ? [] : await verdictsOn(context.database, settlements, context.clock.now())
  return { known, bought, verdicts }
}
