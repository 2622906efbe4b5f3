import type { Database } from '#ports/database'

/** Something that OrderDb remembers of an order. */
export type Told = { at: Date; text: string; transactionId: string | null }

/** The course of an order as OrderDb has it, oldest first: its transaction, status and the steps of its sagas. */
export async function tellOrder(database: Database, orderId: string): Promise<Told[]> {
  return await database.query<Told>(
    `SELECT at, text, "transactionId" FROM (
       SELECT created_at AS at, 0 AS place, 'is placed' AS text, NULL::uuid AS "transactionId"
         FROM (SELECT to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0) AS created_at
                 FROM orders.all_orders WHERE id = $1) o
       UNION ALL
       SELECT d.decided_at, 1, 'is committed', d.transaction_id
         FROM orders.holds h JOIN orders.decisions d USING (transaction_id) WHERE h.order_ids @> ARRAY[$1::uuid]
       UNION ALL
       SELECT at, 2, 'status ' || status || ' (version ' || version || ')', NULL
         FROM orders.all_history WHERE order_id = $1
       UNION ALL
       SELECT s.created_at, 3, 'saga ' || s.definition || ' begins', NULL FROM orders.all_sagas s WHERE s.order_id = $1
       UNION ALL
       SELECT j.at, 4, 'saga ' || s.definition || ', ' || j.step || ': ' || j.event || coalesce(' (' || j.detail || ')', ''), NULL
         FROM orders.all_sagas s JOIN orders.all_saga_journal j ON j.saga_id = s.id WHERE s.order_id = $1
       UNION ALL
       SELECT s.updated_at, 5, 'saga ' || s.definition || ' ' || s.state || coalesce(', last error: ' || s.last_error, ''), NULL
         FROM orders.all_sagas s WHERE s.order_id = $1
       UNION ALL
       SELECT v.stored_at, 6, 'the PDF of a voucher is stored', NULL
         FROM orders.all_vouchers v WHERE v.order_id = $1 AND v.stored_at IS NOT NULL
     ) told ORDER BY at, place`,
    [orderId],
  )
}
