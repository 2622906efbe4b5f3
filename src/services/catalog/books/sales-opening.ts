import { type Clock, every } from '#ports/clock'
import type { Database } from '#ports/database'
import { announce } from '../stock/announce.ts'
import { type BookRow, bookColumns } from './book-row.ts'

const everyMs = 1_000
/** Openings told of in one round; more are told of in the next. */
const openingsMax = 500
/** Behind every ISBN. */
const lastIsbn = 'X'

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
  let since = { at: new Date(clock.now()), isbn: lastIsbn }
  const look = async () => {
    const nowMs = clock.now()
    const opened = await database.transaction(async (tx) => {
      const rows = await tx.query<BookRow>(
        `select ${bookColumns} from catalog.books b join catalog.stock s using (isbn)
         where b.sales_open_at >= $1 and (b.sales_open_at, b.isbn) > ($1, $2) and b.sales_open_at <= $3
         order by b.sales_open_at, b.isbn limit ${openingsMax}`,
        [since.at, since.isbn, new Date(nowMs)],
      )
      await announce(tx, rows, nowMs)
      return rows
    })
    const last = opened.length === openingsMax ? opened.at(-1) : undefined
    since = { at: last?.salesOpenAt ?? new Date(nowMs), isbn: last?.isbn ?? lastIsbn }
    if (opened.length > 0) onAnnounced()
  }
  // When the database is away, the next round looks back as far as this one would have.
  return every(clock, everyMs, look, { atOnce: true })
}
