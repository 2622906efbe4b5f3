import { type FieldError, invalid } from '#kernel/problem'
import type { Database, Statements } from '#ports/database'
import type { Answer } from '#ports/http'
import type { BookEdit, BookPatch } from '../contract.ts'
import { announce } from '../stock/announce.ts'
import { statusOf } from './availability.ts'
import { type BookFields, completed, fieldErrors, isbnOf, noSuchBook } from './book-fields.ts'
import { type BookRow, bookColumns, fieldsOf } from './book-row.ts'
import { checkIfMatch } from './entity-tag.ts'
import { bookAnswer } from './get-book.ts'
import { updateBook } from './write-book.ts'

export type Edit = { isbn: string; ifMatch: string | undefined; nowMs: number }

/** Replaces a book as a whole; what the body leaves out goes back to its default. @throws Problem 400, 404, 412 */
export async function replaceBook(database: Database, edit: Edit, body: BookEdit): Promise<Answer> {
  const errors = fieldErrors(body)
  if (body.isbn !== undefined && isbnOf(body.isbn) !== edit.isbn)
    errors.push({ field: 'isbn', message: 'is not the ISBN of the address; an ISBN cannot be changed' })
  if (errors.length > 0) throw invalid(errors)
  return change(database, edit, () => completed(body))
}

/** Changes the fields that the body names. Source: RFC 7396. @throws Problem 400, 404, 412 */
export async function changeBook(database: Database, edit: Edit, body: BookPatch): Promise<Answer> {
  const { price, ...rest } = body
  const errors: FieldError[] = fieldErrors(withoutNulls(rest))
  if (errors.length > 0) throw invalid(errors)
  return change(database, edit, (row) => {
    const fields = fieldsOf(row)
    return completed({ ...fields, ...withDefaults(rest), price: { ...fields.price, ...price } })
  })
}

/** `null` takes a field back to its default, which is what `completed` gives where it is left out. */
function withDefaults(patch: Omit<BookPatch, 'price'>): Partial<BookFields> {
  return Object.fromEntries(
    Object.entries(patch).map(([field, value]) => [field, value === null ? undefined : value]),
  )
}

function withoutNulls(patch: Omit<BookPatch, 'price'>): Partial<BookFields> {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== null))
}

async function change(database: Database, edit: Edit, edited: (row: BookRow) => BookFields): Promise<Answer> {
  const row = await database.transaction(async (tx) => {
    const before = await lockBook(tx, edit.isbn)
    if (before === undefined) throw noSuchBook(edit.isbn)
    checkIfMatch(edit.ifMatch, before.version)
    await updateBook(tx, edit.isbn, edited(before))
    const after = await lockBook(tx, edit.isbn)
    if (after === undefined) throw new Error(`book ${edit.isbn} is gone while it was locked`)
    // Readers who watch the page of this book see at once that its sale opened, closed or moved.
    if (statusOf(before, edit.nowMs) !== statusOf(after, edit.nowMs)) await announce(tx, [after], edit.nowMs)
    return after
  })
  return bookAnswer(200, row, edit.nowMs)
}

/** The book's own row alone is locked: orders go on taking copies from the stock row meanwhile. */
async function lockBook(statements: Statements, isbn: string): Promise<BookRow | undefined> {
  const [row] = await statements.query<BookRow>(
    `select ${bookColumns} from catalog.books b join catalog.stock s using (isbn)
     where b.isbn = $1 for no key update of b`,
    [isbn],
  )
  return row
}
