import { invalid, Problem } from '#kernel/problem'
import type { Answer } from '#ports/http'
import type { NewBook } from '../contract.ts'
import { entryOf } from '../search/book-keys.ts'
import type { BookStore } from '../store/book-store.ts'
import { completed, fieldErrors, isbnOf } from './book-fields.ts'
import { bookAnswer } from './get-book.ts'

/** Adds a book, with no copies yet. @throws Problem 400 for wrong fields, 409 when the ISBN is taken */
export async function createBook(books: BookStore, body: NewBook, nowMs: number): Promise<Answer> {
  const isbn = isbnOf(body.isbn)
  const errors = fieldErrors(body)
  if (errors.length > 0) throw invalid(errors)
  const entry = { ...entryOf(isbn, completed(body)), copies: 0, reason: null }
  const row = await books.change(async (changes) => {
    if ((await changes.add([entry])) === 0) throw isbnTaken(isbn)
    return (await changes.lock([isbn])).get(isbn)
  })
  if (row === undefined) throw new Error(`book ${isbn} is gone right after it was added`)
  return bookAnswer(201, row, nowMs, { location: `/api/books/${isbn}` })
}

const isbnTaken = (isbn: string) =>
  new Problem(409, 'isbn-taken', `There is a book with the ISBN ${isbn} already.`, { isbn })
