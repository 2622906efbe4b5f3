import { type Clock, every } from '#ports/clock'
import type { BookStore } from '../store/book-store.ts'
import { keysOf, keysVersion } from './book-keys.ts'

const everyMs = 60_000
const batchMax = 200

/**
 * Gives new keys to books whose keys were computed by an older version, a few at a time beside all else. Until a book's
 * turn has come it is found by its old ones. Every catalog process takes part.
 */
export function keepKeysCurrent(books: BookStore, clock: Clock): AsyncDisposable {
  const round = async (stop: AbortSignal) => {
    while (!stop.aborted && (await renewKeys(books)) > 0);
  }
  return every(clock, everyMs, round, { atOnce: true })
}

/** One batch. @returns how many books got new keys */
export function renewKeys(books: BookStore): Promise<number> {
  return books.renewKeys(keysVersion, batchMax, (book) => keysOf(book.isbn, book))
}
