import { Problem } from '#kernel/problem'
import type { BookStore } from '../store/book-store.ts'
import { noSuchBook } from './book-fields.ts'
import { checkIfMatch } from './entity-tag.ts'

/**
 * Removes a book that nobody has bought. Its ledger stays and ends with the copies going out, so that it adds up to
 * nothing.
 * @throws Problem 404, 409 when copies are held or sold, 412
 */
export async function deleteBook(books: BookStore, isbn: string, ifMatch: string | undefined): Promise<void> {
  await books.change(async (changes) => {
    const book = await changes.lockWithStock(isbn)
    if (book === undefined) throw noSuchBook(isbn)
    checkIfMatch(ifMatch, book.version)
    if (book.held + book.sold > 0) throw inUse(book.held, book.sold)
    await changes.remove(book)
  })
}

const inUse = (held: number, sold: number) =>
  new Problem(409, 'copies-in-use', `${held} copies are held and ${sold} sold: the book has to stay.`, {
    held,
    sold,
  })
