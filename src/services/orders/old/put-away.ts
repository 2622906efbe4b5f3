import type { Database, Statements } from '#ports/database'
import { type OldTable, oldTables } from './old-tables.ts'
import { preparePartitions } from './partitions.ts'

/** The moments at which a test lets it die. */
export const puttingPoints = [
  ...(['keys-noted', 'partitions-made', 'locked', ...oldTables, 'orders', 'put-away'] as const),
] as const
export type PuttingPoint = (typeof puttingPoints)[number]

type Reached = (point: PuttingPoint) => Promise<void>
const unwatched: Reached = async () => {}

/** Which orders are old. */
export type Old = {
  /** Ids of orders placed before this moment, as a bound. */
  beforeId: string
  /** Days without any change. */
  restDays: number
}

/**
 * The next orders that may be put away, with their keys noted as used. What is noted has to be seen by every sale that
 * is under way before its order goes: see `putAway`.
 * @param after the id to go on behind
 * @returns their ids in order; fewer than `limit` when there are no more
 */
export async function noteOld(
  database: Database,
  { beforeId, restDays }: Old,
  after: string,
  limit: number,
  reached: Reached = unwatched,
): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    `WITH old AS MATERIALIZED (
       SELECT o.id, o.idempotency_key FROM orders.orders o
        WHERE o.id > $1 AND o.id < $2 AND ${isAtRest} AND ${isUnchanged('$3')} ORDER BY o.id LIMIT $4
     ), noted AS (
       INSERT INTO orders.old_keys (key, order_id) SELECT idempotency_key, id FROM old ORDER BY 1 ON CONFLICT DO NOTHING
     ) SELECT id FROM old ORDER BY id`,
    [after, beforeId, restDays, limit],
  )
  await reached('keys-noted')
  return rows.map(({ id }) => id)
}

/**
 * Puts orders away whose keys were noted: each with all that belongs to it, in one transaction. Those that are not at
 * rest any more, changed meanwhile, or locked, stay. A sale that began before the keys were noted would not see them, and
 * must have ended.
 * @param restDays days without any change, as for `noteOld`
 * @returns how many were put away
 */
export async function putAway(
  database: Database,
  ids: readonly string[],
  restDays = 0,
  reached: Reached = unwatched,
): Promise<number> {
  await preparePartitions(database, ids)
  await reached('partitions-made')
  return await database.transaction(async (tx) => {
    const own = await lockOld(tx, ids, restDays)
    await reached('locked')
    if (own.length === 0) return 0
    for (const table of oldTables) {
      await tx.execute(movedAway(table), [own])
      await reached(table)
    }
    await tx.execute(
      `WITH moved AS (DELETE FROM orders.orders WHERE id = ANY($1::uuid[]) RETURNING *)
       INSERT INTO orders.old_orders SELECT * FROM moved`,
      [own],
    )
    await reached('orders')
    return own.length
  })
}

/**
 * The locks first: what is asked after them shows whatever was done to these orders until then. One that the staff's index
 * has not got yet would be found twice.
 */
async function lockOld(tx: Statements, ids: readonly string[], restDays: number): Promise<string[]> {
  const locked = await tx.query<{ id: string }>(
    `SELECT id FROM orders.orders WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE SKIP LOCKED`,
    [ids],
  )
  const own = await tx.query<{ id: string }>(
    `SELECT o.id FROM orders.orders o JOIN orders.old_keys k ON k.key = o.idempotency_key
      WHERE o.id = ANY($1::uuid[]) AND ${isAtRest} AND ${isUnchanged('$2')}
        AND o.id NOT IN (SELECT unnest(order_ids) FROM orders.unlisted)`,
    [locked.map(({ id }) => id), restDays],
  )
  return own.map(({ id }) => id)
}

/** Nothing moves in it by itself any more: no payment, no saga, no PDF that is still to be drawn. */
const isAtRest = `o.status NOT IN ('reserved', 'paid') AND o.saga_id IS NULL
  AND NOT EXISTS (SELECT FROM orders.sagas s WHERE s.order_id = o.id AND s.state IN ('running', 'compensating'))
  AND NOT EXISTS (SELECT FROM orders.vouchers v WHERE v.order_id = o.id AND v.status = 'valid' AND v.stored_at IS NULL)`

const isUnchanged = (days: string) => `NOT EXISTS (
  SELECT FROM orders.history h WHERE h.order_id = o.id AND h.at > now() - make_interval(days => ${days}))`

function movedAway(table: OldTable): string {
  switch (table) {
    case 'saga_journal':
      return `WITH moved AS (
          DELETE FROM orders.saga_journal j USING orders.sagas s
           WHERE s.order_id = ANY($1::uuid[]) AND j.saga_id = s.id RETURNING s.order_id, j.*
        ) INSERT INTO orders.old_saga_journal SELECT * FROM moved`
    case 'listed':
      // By its keys, which are made again: the index has no order's keys by the order.
      return `WITH keys AS (
          SELECT DISTINCT md5(key)::uuid AS key, id FROM (
            SELECT id, 'email ' || lower(details::json -> 'customer' ->> 'email') AS key FROM orders.orders WHERE id = ANY($1::uuid[])
            UNION ALL
            SELECT id, 'isbn ' || (line ->> 'isbn') FROM orders.orders, json_array_elements(details::json -> 'lines') AS line
             WHERE id = ANY($1::uuid[])) k WHERE key IS NOT NULL
        ), moved AS (
          DELETE FROM orders.listed l USING keys WHERE l.key = keys.key AND l.order_id = keys.id
        ) INSERT INTO orders.old_listed (key, order_id) SELECT key, id FROM keys ON CONFLICT DO NOTHING`
    default:
      return `WITH moved AS (DELETE FROM orders.${table} WHERE order_id = ANY($1::uuid[]) RETURNING *)
        INSERT INTO orders.old_${table} SELECT * FROM moved`
  }
}
