import { uuid7 } from '#ports/clock'
import type { Database } from '#ports/database'

/** An order as one of two OrderDbs has it, of which the other has less. */
export type LostOrder = {
  id: string
  status: string
  /** Empty where it was erased. */
  email: string
  /** `behind`: the other has it, and not what became of it since; `charged`: both went on with it, and only here money was taken. */
  kind: 'lost' | 'behind' | 'charged'
}

const pageSize = 1_000

/**
 * Finds what an OrderDb that was given up has and the one that went on has not: orders that were acknowledged and are lost,
 * those of which later news are, and those that were paid for at the one and not at the other. It only reads.
 * @param sinceMs orders placed before are not looked at
 */
export async function* lostOrders(old: Database, now: Database, sinceMs: number): AsyncGenerator<LostOrder> {
  let last = uuid7(sinceMs, new Uint8Array(10))
  for (;;) {
    const page = await old.query<Held & { status: string; email: string | null }>(
      `SELECT id, version, status::text AS status, payment_key AS "paymentKey",
              details::json -> 'customer' ->> 'email' AS email
       FROM orders.orders WHERE id > $1 ORDER BY id LIMIT ${pageSize}`,
      [last],
    )
    const there = await now.query<Held>(
      'SELECT id, version, payment_key AS "paymentKey" FROM orders.orders WHERE id = ANY($1::uuid[])',
      [page.map(({ id }) => id)],
    )
    const known = new Map(there.map((each) => [each.id, each]))
    for (const each of page) {
      const kind = kindOf(each, known.get(each.id))
      if (kind !== undefined) yield { id: each.id, status: each.status, email: each.email ?? '', kind }
    }
    const end = page.at(-1)
    if (end === undefined || page.length < pageSize) return
    last = end.id
  }
}

type Held = { id: string; version: number; paymentKey: string | null }

function kindOf(old: Held, now: Held | undefined): LostOrder['kind'] | undefined {
  if (now === undefined) return 'lost'
  if (now.version < old.version) return 'behind'
  return old.paymentKey !== null && old.paymentKey !== now.paymentKey ? 'charged' : undefined
}
