import { type Clock, every } from '#ports/clock'
import { nextChangeOf, priceAt } from '../import/price-periods.ts'
import { entryOf } from '../search/book-keys.ts'
import { newsOf } from '../stock/news.ts'
import type { BookStore } from '../store/book-store.ts'
import { statusOf } from './availability.ts'
import { completed } from './book-fields.ts'
import { fieldsOf } from './book-row.ts'

const everyMs = 1_000
/** Books re-priced in one round; more in the next. */
const booksMax = 500

/**
 * Takes the price in force where a period began or ended. Every catalog process looks; the locks of the books let one
 * of them change each, and the others find it done.
 * @param onAnnounced called when the outbox has news
 */
export function watchPrices(books: BookStore, clock: Clock, onAnnounced: () => void): AsyncDisposable {
  const look = async () => {
    const nowMs = clock.now()
    const due = await books.pricesDue(nowMs, booksMax)
    if (due.length === 0) return
    await changePrices(books, due, nowMs)
    onAnnounced()
  }
  return every(clock, everyMs, look, { atOnce: true })
}

async function changePrices(books: BookStore, isbns: readonly string[], nowMs: number): Promise<void> {
  await books.change(async (changes) => {
    const before = await changes.lock(isbns)
    const entries = [...before.values()].map((row) => {
      const fields = fieldsOf(row)
      const { prices } = fields
      const price = prices.length === 0 ? fields.price : priceAt(prices, nowMs)
      return entryOf(row.isbn, completed({ ...fields, price, priceChangesAt: nextChangeOf(prices, nowMs) }))
    })
    if (entries.length === 0) return
    await changes.replace(entries)
    const after = await changes.lock([...before.keys()])
    const moved = [...after.values()].filter((row) => {
      const old = before.get(row.isbn)
      return old !== undefined && statusOf(old, nowMs) !== statusOf(row, nowMs)
    })
    if (moved.length > 0) await changes.announce(newsOf(moved, nowMs))
  })
}
