import type { Database } from '#ports/database'

/** Groups whose orders are listed in one statement: a thousand orders each at most. */
const groupsMax = 8

/**
 * Puts orders into the index by which staff find them: behind the sale, which does not wait for it.
 * @returns how many groups were left to be listed, up to a bound
 */
export async function listOrdersBehind(database: Database): Promise<number> {
  const [row] = await database.query<{ groups: number }>(listSql, [groupsMax])
  return row?.groups ?? 0
}

/** In the order of keys, so that two processes wait for each other and never in a ring. */
const listSql = `
  WITH taken AS (
    DELETE FROM orders.unlisted WHERE transaction_id IN (
      SELECT transaction_id FROM orders.unlisted ORDER BY transaction_id LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING order_ids
  ), found AS (
    SELECT o.id, o.details::json AS details FROM taken, unnest(order_ids) AS id JOIN orders.orders o USING (id)
  ), keys AS (
    SELECT id, 'email ' || lower(details -> 'customer' ->> 'email') AS key FROM found
    UNION ALL
    SELECT id, 'isbn ' || (line ->> 'isbn') FROM found, json_array_elements(details -> 'lines') AS line
  ), listed AS (
    INSERT INTO orders.listed (key, order_id)
    SELECT DISTINCT md5(key)::uuid, id FROM keys ORDER BY 1, 2
    ON CONFLICT DO NOTHING
  )
  SELECT count(*)::int AS groups FROM taken`
