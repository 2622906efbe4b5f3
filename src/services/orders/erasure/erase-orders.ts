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

/** @returns every order of a mailbox, whatever its spelling, and whether it is at rest */
export async function ordersOf(
  statements: Statements,
  email: string,
): Promise<{ id: string; isAtRest: boolean }[]> {
  const rows = await statements.query<{ id: string; email: string; isAtRest: boolean }>(
    `SELECT id, details::json -> 'customer' ->> 'email' AS email, ${isAtRest} AS "isAtRest" FROM orders.all_orders o
      WHERE lower(details::json -> 'customer' ->> 'email') = ANY($1)`,
    [[email.toLowerCase(), customerKey(email)]],
  )
  return rows.filter((row) => customerKey(row.email) === customerKey(email))
}

/**
 * Takes the customer out of orders: name and address in the order, what was hashed of the request, what the payment
 * left behind, and the PDFs, which are drawn again without the name while their vouchers can be redeemed. What was bought,
 * when and for how much stays.
 * @param orders at rest, of one customer
 * @returns how many PDFs were deleted
 */
export async function eraseOrders(
  { database, objects, clock }: Erasing,
  orders: readonly string[],
): Promise<number> {
  if (orders.length === 0) return 0
  const email = `${clock.uuid()}@${erasedDomain}`
  const vouchers = await database.transaction(async (tx) => {
    // In order, so that no two wait for each other. One that is just being put away is waited for and brought back.
    for (const id of orders.toSorted()) await lockOrder(tx, id)
    const customers = await tx.query<{ email: string }>(
      `SELECT DISTINCT details::json -> 'customer' ->> 'email' AS email FROM orders.orders o
        WHERE id = ANY($1::uuid[]) AND NOT ${isErased}`,
      [orders],
    )
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
    await tx.execute('UPDATE orders.customer_titles SET customer = $2 WHERE customer = ANY($1)', [
      customers.map((customer) => customerKey(customer.email)),
      email,
    ])
    await noteChanges(tx, orders)
    return await tx.query<{ orderId: string; code: string }>(
      'SELECT order_id AS "orderId", code FROM orders.vouchers WHERE order_id = ANY($1::uuid[])',
      [orders],
    )
  })
  for (const { orderId, code } of vouchers) await objects.delete(voucherObjectKey(orderId, code))
  return vouchers.length
}
