import { isCurrency } from '#kernel/currencies'
import { parseIsbn } from '#kernel/isbn'
import { type FieldError, invalid, notFound } from '#kernel/problem'
import type { BookDetails, NewBook, PricePeriod } from '../contract.ts'

/** Everything a bookseller may set, with nothing left open. */
export type BookFields = Required<Omit<NewBook, 'isbn'>> & {
  /** Prices with their periods, and when the one in force may change. ISO 8601. */
  prices: readonly PricePeriod[]
  priceChangesAt: string | null
  details: BookDetails
}
/** What `completed` takes: a request's fields, and what only catalogues tell. */
export type OpenFields = Omit<NewBook, 'isbn'> &
  Partial<Pick<BookFields, 'prices' | 'priceChangesAt' | 'details'>>

/** The ISBN-13 of a path. @throws Problem 400 for what is no ISBN */
export function isbnOf(text: string): string {
  const parsed = parseIsbn(text)
  if (parsed.kind === 'error') throw invalid([{ field: 'isbn', message: parsed.message }])
  return parsed.isbn
}

export const noSuchBook = (isbn: string) => notFound(`book with the ISBN ${isbn}`)

/** Fills in what a request left open; each text is trimmed and composed (NFC), each list holds a value once. */
export function completed(book: OpenFields): BookFields {
  const contributors = (book.contributors ?? []).map(({ name, role }) => ({
    name: tidy(name),
    role: tidy(role),
  }))
  return {
    title: tidy(book.title),
    subtitle: tidyOrNull(book.subtitle),
    contributors,
    publisher: tidyOrNull(book.publisher),
    publishedOn: book.publishedOn ?? null,
    language: book.language ?? null,
    format: tidy(book.format ?? defaultFormat),
    description: tidyOrNull(book.description),
    subjects: [...new Set((book.subjects ?? []).map(tidy))],
    price: book.price,
    // A cover we draw is not stored: sent back with the rest of a book, it means "draw it".
    cover: book.cover == null || drawnCover.test(book.cover) ? null : book.cover,
    limited: book.limited ?? false,
    perCustomer: book.perCustomer ?? null,
    salesOpenAt: book.salesOpenAt == null ? null : new Date(book.salesOpenAt).toISOString(),
    prices: book.prices ?? [],
    priceChangesAt: book.priceChangesAt ?? null,
    details: book.details ?? {},
  }
}

const defaultFormat = 'book'
const drawnCover = /^\/api\/books\/[\dX-]+\/cover\.svg(\?|$)/

/**
 * What a schema cannot say: real dates, text that is Unicode.
 * @returns one error per wrong field, none when all is well
 */
export function fieldErrors(book: Partial<NewBook>): FieldError[] {
  const errors: FieldError[] = []
  for (const [field, value] of Object.entries(book))
    if (!isUnicode(value))
      errors.push({ field, message: 'holds half of a surrogate pair, which is not a character' })
  if (book.publishedOn != null && !isDate(book.publishedOn))
    errors.push({ field: 'publishedOn', message: 'is not a date in the calendar' })
  if (book.salesOpenAt != null && !isUsableTime(book.salesOpenAt))
    errors.push({ field: 'salesOpenAt', message: 'is not a time between 1900 and 9999' })
  if (book.price != null && book.price.currency !== undefined && !isCurrency(book.price.currency))
    errors.push({ field: 'price.currency', message: 'is not a currency of ISO 4217' })
  return errors
}

function isUnicode(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (value === null || typeof value !== 'object') return true
  return Object.values(value).every(isUnicode)
}

/** YYYY, YYYY-MM or YYYY-MM-DD in the proleptic Gregorian calendar, years before our era with a minus. */
export function isDate(text: string): boolean {
  const match = /^(-?\d{4})(?:-(\d\d)(?:-(\d\d))?)?$/.exec(text)
  if (match === null || text.startsWith('-0000')) return false
  const [year, month, day] = [Number(match[1]), Number(match[2] ?? 1), Number(match[3] ?? 1)]
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day
}

function isUsableTime(text: string): boolean {
  const year = new Date(text).getUTCFullYear()
  return year >= 1900 && year <= 9999
}

const tidy = (text: string) => text.normalize('NFC').trim()
const tidyOrNull = (text: string | null | undefined) => {
  const tidied = text == null ? '' : tidy(text)
  return tidied === '' ? null : tidied
}
