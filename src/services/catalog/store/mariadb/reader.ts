import type { Statements } from '#ports/database'
import type { BookReader } from '../book-store.ts'
import { bookCounts } from './count-books.ts'
import { createBookFinder } from './find-words.ts'
import { bookPage } from './list-books.ts'
import { readBooks } from './rows.ts'

/** Reads books for display, at a replica too. */
export function createBookReader(reading: Pick<Statements, 'query'>): BookReader {
  return {
    ...createBookFinder(reading),
    find: async (isbn) => (await readBooks(reading, 'WHERE b.isbn = ?', [isbn]))[0],
    page: (query) => bookPage(reading, query),
    counts: (filter) => bookCounts(reading, filter),
  }
}
