import type { Statements } from '#ports/database'
import { type Answer, answer } from '#ports/http'
import type { Stock } from '../contract.ts'
import { availableOf } from './availability.ts'
import { noSuchBook } from './book-fields.ts'
import { type BookRow, bookColumns, toAvailability, toBook } from './book-row.ts'
import { availabilityTag, bookTag } from './entity-tag.ts'

const bookSql = `select ${bookColumns} from catalog.books b join catalog.stock s using (isbn) where b.isbn = $1`

export async function findBook(statements: Statements, isbn: string): Promise<BookRow | undefined> {
  const [row] = await statements.query<BookRow>(bookSql, [isbn])
  return row
}

/** The book under its own entity tag. @throws Problem 404 */
export async function getBook(statements: Statements, isbn: string, nowMs: number): Promise<Answer> {
  const row = await findBook(statements, isbn)
  if (row === undefined) throw noSuchBook(isbn)
  return bookAnswer(200, row, nowMs)
}

export function bookAnswer(
  status: number,
  row: BookRow,
  nowMs: number,
  headers: Record<string, string> = {},
): Answer {
  return answer(status, toBook(row, nowMs), { etag: bookTag(row, nowMs), ...headers })
}

/** @throws Problem 404 */
export async function getAvailability(statements: Statements, isbn: string, nowMs: number): Promise<Answer> {
  const row = await findBook(statements, isbn)
  if (row === undefined) throw noSuchBook(isbn)
  return answer(200, toAvailability(row, nowMs), { etag: availabilityTag(row, nowMs) })
}

/** @throws Problem 404 */
export async function getStock(statements: Statements, isbn: string): Promise<Stock> {
  const row = await findBook(statements, isbn)
  if (row === undefined) throw noSuchBook(isbn)
  const { copies, held, sold } = row
  return { isbn, copies, held, sold, available: availableOf(row) }
}
