import { type Clock, every } from '#ports/clock'
import type { Database } from '#ports/database'
import { announce } from './announce.ts'
import { type BookRow, bookColumns } from './book-row.ts'

const everyMs = 1_000
/** Drops that open in the same second; more are told of in the next. */
const openingsMax = 500

/**
 * Tells who watches a book that its sale has opened: no movement of stock would. Every catalog process does, because a
 * message too many is harmless; what opened while none ran is seen by whoever connects.
 * @param onAnnounced called when the outbox has news
 */
export function watchSalesOpening(
  database: Database,
  clock: Clock,
  onAnnounced: () => void,
): AsyncDisposable {
  let sinceMs = clock.now()
  const look = async () => {
    const nowMs = clock.now()
    const opened = await database.transaction(async (tx) => {
      const rows = await tx.query<BookRow>(
        `select ${bookColumns} from catalog.books b join catalog.stock s using (isbn)
         where b.sales_open_at > $1 and b.sales_open_at <= $2 order by b.sales_open_at limit ${openingsMax}`,
        [new Date(sinceMs), new Date(nowMs)],
      )
      await announce(tx, rows, nowMs)
      return rows
    })
    const last = opened.at(-1)?.salesOpenAt?.getTime()
    sinceMs = opened.length === openingsMax && last !== undefined ? last : nowMs
    if (opened.length > 0) onAnnounced()
  }
  // When the database is away, the next round looks back as far as this one would have.
  return every(clock, everyMs, look, { atOnce: true })
}
