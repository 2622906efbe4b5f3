import { dayMs } from '#kernel/day'
import type { Clock } from '#ports/clock'
import type { Database } from '#ports/database'
import { holdFence, inRounds, type Turns } from '#ports/lease'
import { logger } from '#ports/log'
import type { ObjectStore } from '#ports/object-store'
import { voucherObjectKey } from '#services/vouchers'

const log = logger('retention')

const everyMs = 3_600_000
const pageMax = 200
const deletionsAtOnceMax = 16
/** A voucher may be redeemed by a transaction that began that long before others that were seen. */
const overlapMs = 600_000
const mark = 'PDFs kept from'

type Keeping = { database: Database; objects: Pick<ObjectStore, 'delete'>; clock: Clock }

/**
 * Deletes the PDFs of vouchers that were redeemed or revoked so many days ago, in one process at a time. A rule of the
 * bucket could not: it goes by the age of an object, and a voucher may be valid for years.
 * @param days 0 keeps them for ever
 */
export function keepPdfs(keeping: Keeping, turns: Turns, days: number): AsyncDisposable {
  if (days === 0) return { async [Symbol.asyncDispose]() {} }
  return turns.take('voucher-pdfs', async (fence, lost) => {
    const goOn = async () => {
      await keeping.database.transaction((tx) => holdFence(tx, fence))
      return !lost.aborted
    }
    await inRounds(keeping.clock, everyMs, lost, async () => {
      const deleted = await deleteOldPdfs(keeping, days, goOn)
      if (deleted > 0)
        log.info('deleted the PDFs of vouchers that are done with', {
          vouchers: deleted,
          olderThanDays: days,
        })
    })
  })
}

/** `at` to the microsecond. */
type Done = { code: string; orderId: string; at: string }

const doneAt = 'coalesce(redeemed_at, revoked_at)'

/**
 * Those that were done with first come first. What was deleted when this was cut off is deleted again, which does nothing.
 * @param goOn asked before each page
 * @returns how many
 */
export async function deleteOldPdfs(
  { database, objects, clock }: Keeping,
  days: number,
  goOn: () => Promise<boolean>,
): Promise<number> {
  const until = new Date(clock.now() - days * dayMs)
  const [last] = await database.query<{ at: Date }>('SELECT at FROM orders.marks WHERE name = $1', [mark])
  let after = { at: (last?.at ?? new Date(0)).toISOString(), code: '' }
  for (let sum = 0; await goOn(); ) {
    const done = await database.query<Done>(
      `SELECT code, order_id AS "orderId", ${doneAt}::text AS at FROM orders.all_vouchers
        WHERE status <> 'valid' AND ${doneAt} <= $1 AND (${doneAt}, code) > ($2::timestamptz, $3)
        ORDER BY ${doneAt}, code LIMIT $4`,
      [until, after.at, after.code, pageMax],
    )
    for (let i = 0; i < done.length; i += deletionsAtOnceMax)
      await Promise.all(
        done
          .slice(i, i + deletionsAtOnceMax)
          .map(({ orderId, code }) => objects.delete(voucherObjectKey(orderId, code))),
      )
    sum += done.length
    after = done.at(-1) ?? after
    if (done.length === pageMax) continue
    await database.execute(
      `INSERT INTO orders.marks (name, at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at = excluded.at`,
      [mark, new Date(until.getTime() - overlapMs)],
    )
    return sum
  }
  return 0
}
