import { isCurrency } from '#kernel/currencies'
import type { Money } from '#kernel/money'
import { type FieldError, invalid } from '#kernel/problem'
import type { Answer } from '#ports/http'
import type { BookEdit, BookPatch } from '../contract.ts'
import { entryOf } from '../search/book-keys.ts'
import { newsOf } from '../stock/news.ts'
import type { BookStore } from '../store/book-store.ts'
import { statusOf } from './availability.ts'
import { type BookFields, completed, fieldErrors, isbnOf, noSuchBook } from './book-fields.ts'
import { type BookRow, fieldsOf } from './book-row.ts'
import { checkIfMatch } from './entity-tag.ts'
import { bookAnswer } from './get-book.ts'

export type Edit = { isbn: string; ifMatch: string | undefined; nowMs: number }

/** Replaces a book as a whole; what the body leaves out goes back to its default. @throws Problem 400, 404, 412 */
export async function replaceBook(books: BookStore, edit: Edit, body: BookEdit): Promise<Answer> {
  const errors = fieldErrors(body)
  if (body.isbn !== undefined && isbnOf(body.isbn) !== edit.isbn)
    errors.push({ field: 'isbn', message: 'is not the ISBN of the address; an ISBN cannot be changed' })
  if (errors.length > 0) throw invalid(errors)
  return change(books, edit, ({ details }) => completed({ ...body, details }))
}

/** Changes the fields that the body names. Source: RFC 7396. @throws Problem 400, 404, 412 */
export async function changeBook(books: BookStore, edit: Edit, body: BookPatch): Promise<Answer> {
  const { price, ...rest } = body
  const errors: FieldError[] = fieldErrors(withoutNulls(rest))
  if (price?.currency !== undefined && !isCurrency(price.currency))
    errors.push({ field: 'price.currency', message: 'is not a currency of ISO 4217' })
  if (errors.length > 0) throw invalid(errors)
  return change(books, edit, (row) => {
    const fields = fieldsOf(row)
    return completed({ ...fields, ...withDefaults(rest), ...pricePatched(fields, price) })
  })
}

/** A price that a bookseller sets holds until he sets another, whatever periods a catalogue told of. */
function pricePatched(fields: BookFields, patch: BookPatch['price']) {
  if (patch === undefined) return {}
  const price = patch === null ? null : whole({ ...fields.price, ...patch })
  return { price, prices: [], priceChangesAt: null }
}

/** @throws Problem 400 for a price that lacks its amount or its currency */
function whole({ amount, currency }: Partial<Money>): Money {
  if (amount === undefined)
    throw invalid([{ field: 'price.amount', message: 'is missing: the book has no price yet' }])
  if (currency === undefined)
    throw invalid([{ field: 'price.currency', message: 'is missing: the book has no price yet' }])
  return { amount, currency }
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

async function change(books: BookStore, edit: Edit, edited: (row: BookRow) => BookFields): Promise<Answer> {
  const { isbn, ifMatch, nowMs } = edit
  const row = await books.change(async (changes) => {
    const before = (await changes.lock([isbn])).get(isbn)
    if (before === undefined) throw noSuchBook(isbn)
    checkIfMatch(ifMatch, before.version)
    await changes.replace([entryOf(isbn, edited(before))])
    const after = (await changes.lock([isbn])).get(isbn)
    if (after === undefined) throw new Error(`book ${isbn} is gone while it was locked`)
    // Readers who watch the page of this book see at once that its sale opened, closed or moved.
    if (statusOf(before, nowMs) !== statusOf(after, nowMs)) await changes.announce(newsOf([after], nowMs))
    return after
  })
  return bookAnswer(200, row, nowMs)
}
