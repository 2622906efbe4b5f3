import type { Clock } from '#ports/clock'
import { type Fence, inRounds, type Turns } from '#ports/lease'
import { newsOf } from '../stock/news.ts'
import type { BookStore } from '../store/book-store.ts'

const everyMs = 1_000
/** Openings told of in one round; more are told of in the next. */
const openingsMax = 500
/** What opened longer ago, while nobody could tell of it, is seen by whoever connects. */
const lookBackMs = 10 * 60_000
/** Behind every ISBN. */
const lastIsbn = 'X'

/**
 * Tells who watches a book that its sale has opened: no movement of stock would. One catalog process at a time does, and
 * the next one goes on where it stopped.
 * @param onAnnounced called when the outbox has news
 */
export function watchSalesOpening(
  books: BookStore,
  turns: Turns,
  clock: Clock,
  onAnnounced: () => void,
): AsyncDisposable {
  return turns.take('announcing', async (fence, lost) => {
    let since = placeOf(fence, clock.now())
    const look = async () => {
      const nowMs = clock.now()
      const opened = await books.salesOpened(since, nowMs, openingsMax)
      const last = opened.length === openingsMax ? opened.at(-1) : undefined
      const place = { atMs: last?.salesOpenAt?.getTime() ?? nowMs, isbn: last?.isbn ?? lastIsbn }
      if (opened.length > 0)
        await books.announce(newsOf(opened, nowMs), { fence, place: `${place.atMs} ${place.isbn}` })
      since = place
      if (opened.length > 0) onAnnounced()
    }
    // When the database is away, the next round looks back as far as this one would have.
    await inRounds(clock, everyMs, lost, look)
  })
}

/** Where the last turn stopped; a first one begins now, and none looks back for ever. */
function placeOf({ place, number }: Fence, nowMs: number): { atMs: number; isbn: string } {
  const [at = '', isbn = lastIsbn] = place.split(' ')
  const fromMs = number === 1 ? nowMs : nowMs - lookBackMs
  return Number(at) > fromMs ? { atMs: Number(at), isbn } : { atMs: fromMs, isbn: lastIsbn }
}
