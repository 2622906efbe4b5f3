import type { Statements } from '#ports/database'
import { orderChangedTopic } from '#services/orders'

/** Notes the current version of changed orders for watchers, and puts the news of it into the outbox. */
export async function noteChanges(tx: Statements, orderIds: readonly string[]): Promise<void> {
  if (orderIds.length === 0) return
  await tx.execute(
    `WITH changed AS (
       INSERT INTO orders.history (order_id, version, status, payment)
       SELECT id, version, status, payment FROM orders.orders WHERE id = ANY($1::uuid[])
       RETURNING order_id, version
     )
     INSERT INTO orders.outbox (topic, payload)
     SELECT $2, json_build_object('orders', json_agg(json_build_object('id', order_id, 'version', version)))
       FROM changed`,
    [orderIds, orderChangedTopic],
  )
}
