import { type Answer, answer } from '#ports/http'
import type { Stock } from '../contract.ts'
import type { BookReader, BookStore } from '../store/book-store.ts'
import { availableOf } from './availability.ts'
import { noSuchBook } from './book-fields.ts'
import { type BookRow, toAvailability, toBook } from './book-row.ts'
import { availabilityTag, bookTag } from './entity-tag.ts'

/** The book under its own entity tag. @throws Problem 404 */
export async function getBook(books: BookReader, isbn: string, nowMs: number): Promise<Answer> {
  const row = await books.find(isbn)
  if (row === undefined) throw noSuchBook(isbn)
  return bookAnswer(200, row, nowMs)
}

export function bookAnswer(
  status: number,
  row: BookRow,
  nowMs: number,
  headers: Record<string, string> = {},
): Answer {
  return answer(
    status,
    { ...toBook(row, nowMs), ...(Object.keys(row.details).length > 0 && { details: row.details }) },
    { etag: bookTag(row, nowMs), ...headers },
  )
}

/** @throws Problem 404 */
export async function getAvailability(books: BookReader, isbn: string, nowMs: number): Promise<Answer> {
  const row = await books.find(isbn)
  if (row === undefined) throw noSuchBook(isbn)
  return answer(200, toAvailability(row, nowMs), { etag: availabilityTag(row, nowMs) })
}

/** @throws Problem 404 */
export async function getStock(books: BookStore, isbn: string): Promise<Stock> {
  const row = await books.find(isbn)
  if (row === undefined) throw noSuchBook(isbn)
  const { copies, held, sold } = row
  return { isbn, copies, held, sold, available: availableOf(row) }
}
