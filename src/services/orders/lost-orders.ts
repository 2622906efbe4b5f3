import { uuid7 } from '#ports/clock'
import type { Database } from '#ports/database'

/** An order as one of two OrderDbs has it, of which the other has less. */
export type LostOrder = {
  id: string
  status: string
  /** Empty where it was erased. */
  email: string
  /** Whether the other has it, and not what became of it since. */
  isBehind: boolean
}

const pageSize = 1_000

/**
 * Finds what an OrderDb that was given up has and the one that went on has not: orders that were acknowledged and are lost,
 * and those of which later news are. It only reads.
 * @param sinceMs orders placed before are not looked at
 */
export async function* lostOrders(old: Database, now: Database, sinceMs: number): AsyncGenerator<LostOrder> {
  let last = uuid7(sinceMs, new Uint8Array(10))
  for (;;) {
    const page = await old.query<{ id: string; version: number; status: string; email: string | null }>(
      `SELECT id, version, status::text AS status, details::json -> 'customer' ->> 'email' AS email
       FROM orders.orders WHERE id > $1 ORDER BY id LIMIT ${pageSize}`,
      [last],
    )
    const there = await now.query<{ id: string; version: number }>(
      'SELECT id, version FROM orders.orders WHERE id = ANY($1::uuid[])',
      [page.map(({ id }) => id)],
    )
    const versions = new Map(there.map(({ id, version }) => [id, version]))
    for (const { id, version, status, email } of page) {
      const known = versions.get(id)
      if (known === undefined || known < version)
        yield { id, status, email: email ?? '', isBehind: known !== undefined }
    }
    const end = page.at(-1)
    if (end === undefined || page.length < pageSize) return
    last = end.id
  }
}
