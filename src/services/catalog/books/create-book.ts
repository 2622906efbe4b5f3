import { invalid, Problem } from '#kernel/problem'
import { ConstraintViolation, type Database } from '#ports/database'
import type { Answer } from '#ports/http'
import type { NewBook } from '../contract.ts'
import { completed, fieldErrors, isbnOf } from './book-fields.ts'
import { bookAnswer, findBook } from './get-book.ts'
import { insertBook } from './write-book.ts'

/** Adds a book, with no copies yet. @throws Problem 400 for wrong fields, 409 when the ISBN is taken */
export async function createBook(database: Database, body: NewBook, nowMs: number): Promise<Answer> {
  const isbn = isbnOf(body.isbn)
  const errors = fieldErrors(body)
  if (errors.length > 0) throw invalid(errors)
  const row = await database
    .transaction(async (tx) => {
      await insertBook(tx, isbn, completed(body))
      return findBook(tx, isbn)
    })
    .catch((error: unknown) => {
      if (error instanceof ConstraintViolation && error.kind === 'unique') throw isbnTaken(isbn)
      throw error
    })
  if (row === undefined) throw new Error(`book ${isbn} is gone right after it was added`)
  return bookAnswer(201, row, nowMs, { location: `/api/books/${isbn}` })
}

const isbnTaken = (isbn: string) =>
  new Problem(409, 'isbn-taken', `There is a book with the ISBN ${isbn} already.`, { isbn })
