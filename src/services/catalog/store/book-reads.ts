import type { Reading, Reads } from '#ports/database'
import type { BookReader, BookStore } from './book-store.ts'
import type { BookReads } from './catalog-store.ts'

/**
 * Reads books where they are shown as new as somebody needs them. What is not found at a replica is looked for at the
 * primary before anybody is told that it is not there.
 */
export function readsOf(
  reads: Reads,
  books: BookStore,
  readerOf: (reading: Reading) => BookReader,
): BookReads {
  return {
    seen: () => reads.seen(),
    async reader(seen) {
      const reading = await reads.reading(seen)
      const reader = readerOf(reading)
      return {
        ...reader,
        find: async (isbn) =>
          (await reader.find(isbn)) ?? (reading.isCertain ? undefined : await books.find(isbn)),
      }
    },
  }
}
