import { type Clock, every } from '#ports/clock'
import { newsOf } from '../stock/news.ts'
import type { BookStore } from '../store/book-store.ts'

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
export function watchSalesOpening(books: BookStore, clock: Clock, onAnnounced: () => void): AsyncDisposable {
  let since = { atMs: clock.now(), isbn: lastIsbn }
  const look = async () => {
    const nowMs = clock.now()
    const opened = await books.salesOpened(since, nowMs, openingsMax)
    if (opened.length > 0) await books.announce(newsOf(opened, nowMs))
    const last = opened.length === openingsMax ? opened.at(-1) : undefined
    since = { atMs: last?.salesOpenAt?.getTime() ?? nowMs, isbn: last?.isbn ?? lastIsbn }
    if (opened.length > 0) onAnnounced()
  }
  // When the database is away, the next round looks back as far as this one would have.
  return every(clock, everyMs, look, { atOnce: true })
}
