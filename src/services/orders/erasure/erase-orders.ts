import type { Clock } from '#ports/clock'
import type { Database, Statements } from '#ports/database'
import type { ObjectStore } from '#ports/object-store'
import { voucherObjectKey } from '#services/vouchers'
import { customerKey } from '../customer-key.ts'
import { noteChanges } from '../note-changes.ts'
import { lockOrder } from '../old/bring-back.ts'

export type Erasing = { database: Database; objects: Pick<ObjectStore, 'delete'>; clock: Pick<Clock, 'uuid'> }

/** What stands where a name and an address were. `.invalid` is nobody's. Source: RFC 2606. */
const erasedName = 'erased'
const erasedDomain = 'erased.invalid'
export const isErased = `details::json -> 'customer' ->> 'email' LIKE '%@${erasedDomain}'`

/** Orders in which nothing moves any more by itself. */
export const isAtRest = `status NOT IN ('reserved', 'paid') AND NOT EXISTS (
  SELECT FROM orders.sagas s WHERE s.order_id = o.id AND s.state IN ('running', 'compensating'))`

/** An order of a customer, and what it calls them. */
export type CustomersOrder = { id: string; isAtRest: boolean; name: string; email: string }

/** @returns every order of a mailbox, whatever its spelling, and whether it is at rest */
export async function ordersOf(statements: Statements, email: string): Promise<CustomersOrder[]> {
  // What is not ASCII may be spelled in ways that only the rule for mailboxes knows.
  const rows = await statements.query<CustomersOrder>(
    `SELECT id, email, details::json -> 'customer' ->> 'name' AS name, ${isAtRest} AS "isAtRest"
       FROM (SELECT *, details::json -> 'customer' ->> 'email' AS email FROM orders.all_orders) o
      WHERE lower(email) = ANY($1) OR octet_length(email) > length(email)`,
    [[email.toLowerCase(), customerKey(email)]],
  )
  return rows.filter((row) => customerKey(row.email) === customerKey(email))
}

/**
 * Takes the customer out of orders: name and address in the order, what was hashed of the request, what the payment
 * left behind, and the PDFs, which are drawn again without the name while their vouchers can be redeemed. What was bought,
 * when and for how much stays.
 * @param orders of one customer
 * @param which `all` that the customer has, or `some`: then what others count for limits stays the customer's
 * @returns how many PDFs were deleted, or which orders are not at rest: then nothing was erased
 */
export async function eraseOrders(
  { database, objects, clock }: Erasing,
  orders: readonly string[],
  which: 'all' | 'some',
): Promise<{ kind: 'erased'; pdfs: number } | { kind: 'under-way'; orders: string[] }> {
  if (orders.length === 0) return { kind: 'erased', pdfs: 0 }
  const email = `${clock.uuid()}@${erasedDomain}`
  const done = await database.transaction(async (tx) => {
    // In order, so that no two wait for each other. One that is just being put away is waited for and brought back.
    for (const id of orders.toSorted()) await lockOrder(tx, id)
    const underWay = await tx.query<{ id: string }>(
      `SELECT id FROM orders.orders o WHERE id = ANY($1::uuid[]) AND NOT (${isAtRest}) ORDER BY id`,
      [orders],
    )
    if (underWay.length > 0) return { kind: 'under-way', orders: underWay.map(({ id }) => id) } as const
    const customers = await tx.query<{ email: string }>(
      `SELECT DISTINCT details::json -> 'customer' ->> 'email' AS email FROM orders.orders o
        WHERE id = ANY($1::uuid[]) AND NOT ${isErased}`,
      [orders],
    )
    const keys = customers.map((customer) => customerKey(customer.email))
    if (which === 'all')
      await tx.execute('UPDATE orders.customer_titles SET customer = $2 WHERE customer = ANY($1)', [
        keys,
        email,
      ])
    else await tx.execute(takeFromLimits, [keys, email, orders])
    await tx.execute(
      `UPDATE orders.orders SET details = jsonb_set(details::jsonb, '{customer}', $2::jsonb)::text,
              body_hash = gen_random_uuid(), version = version + 1 WHERE id = ANY($1::uuid[])`,
      [orders, JSON.stringify({ name: erasedName, email })],
    )
    // The index by which staff find orders has a hash of the address.
    await tx.execute(
      `DELETE FROM orders.listed WHERE order_id = ANY($1::uuid[])
          AND key = ANY(SELECT md5('email ' || lower(email))::uuid FROM unnest($2::text[]) AS email)`,
      [orders, customers.map((customer) => customer.email)],
    )
    await tx.execute(`UPDATE orders.sagas SET data = '{}' WHERE order_id = ANY($1::uuid[])`, [orders])
    await noteChanges(tx, orders)
    const vouchers = await tx.query<{ orderId: string; code: string }>(
      'SELECT order_id AS "orderId", code FROM orders.vouchers WHERE order_id = ANY($1::uuid[])',
      [orders],
    )
    return { kind: 'erased', vouchers } as const
  })
  if (done.kind === 'under-way') return done
  for (const { orderId, code } of done.vouchers) await objects.delete(voucherObjectKey(orderId, code))
  return { kind: 'erased', pdfs: done.vouchers.length }
}

/** What these orders count for limits goes with them, so that giving a copy back finds it; the rest stays where it is. */
const takeFromLimits = `
  WITH own AS (
    SELECT line ->> 'isbn' AS isbn,
           sum(CASE WHEN status IN ('confirmed', 'redeemed') THEN (line ->> 'quantity')::int ELSE 0 END)::int AS quantity
      FROM orders.orders, json_array_elements(details::json -> 'lines') AS line
     WHERE id = ANY($3::uuid[]) AND details::jsonb -> 'counted' ? (line ->> 'isbn') GROUP BY 1
  ), counted AS (
    SELECT c.isbn, c.customer, c.per_customer, c.quantity AS sum, least(own.quantity, c.quantity) AS quantity
      FROM orders.customer_titles c JOIN own USING (isbn) WHERE c.customer = ANY($1)
     ORDER BY c.isbn, c.customer FOR UPDATE OF c
  ), reduced AS (
    UPDATE orders.customer_titles c SET quantity = c.quantity - n.quantity
      FROM counted n WHERE c.isbn = n.isbn AND c.customer = n.customer AND n.sum > n.quantity
  ), emptied AS (
    DELETE FROM orders.customer_titles c
     USING counted n WHERE c.isbn = n.isbn AND c.customer = n.customer AND n.sum = n.quantity
  )
  INSERT INTO orders.customer_titles (isbn, customer, quantity, per_customer)
  SELECT isbn, $2, quantity, per_customer FROM counted WHERE quantity > 0`
