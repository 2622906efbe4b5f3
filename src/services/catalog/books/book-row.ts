import type { Availability, Book, BookDetails, PricePeriod } from '../contract.ts'
import { coverUrl } from '../cover/cover.ts'
import { availableOf, type StockState, statusOf } from './availability.ts'
import type { BookFields } from './book-fields.ts'

/** A book with its stock, as the store has it. */
export type BookRow = {
  isbn: string
  title: string
  subtitle: string | null
  contributors: { name: string; role: string }[]
  publisher: string | null
  publishedOn: string | null
  language: string | null
  format: string
  description: string | null
  subjects: string[]
  /** Neither where the price is not known. */
  priceAmount: number | null
  priceCurrency: string | null
  prices: PricePeriod[]
  priceChangesAt: Date | null
  details: BookDetails
  cover: string | null
  limited: boolean
  perCustomer: number | null
  salesOpenAt: Date | null
  version: number
  copies: number
  held: number
  sold: number
  stockVersion: number
}

/** A book as the API shows it at `nowMs`. */
export function toBook(row: BookRow, nowMs: number): Book {
  return {
    isbn: row.isbn,
    title: row.title,
    subtitle: row.subtitle,
    contributors: row.contributors.map(({ name, role }) => ({ name, role })),
    publisher: row.publisher,
    publishedOn: row.publishedOn,
    language: row.language,
    format: row.format,
    description: row.description,
    subjects: row.subjects,
    price: priceOf(row),
    cover: row.cover ?? coverUrl(row),
    limited: row.limited,
    perCustomer: row.perCustomer,
    salesOpenAt: row.salesOpenAt?.toISOString() ?? null,
    availability: { available: availableOf(row), status: statusOf(row, nowMs) },
  }
}

export function toAvailability(row: StockState & { isbn: string }, nowMs: number): Availability {
  return {
    isbn: row.isbn,
    available: availableOf(row),
    status: statusOf(row, nowMs),
    asOf: new Date(nowMs).toISOString(),
  }
}

/** Null where it is not known. */
const priceOf = ({ priceAmount, priceCurrency }: BookRow) =>
  priceAmount === null || priceCurrency === null ? null : { amount: priceAmount, currency: priceCurrency }

/** What a bookseller may set of a book, as it stands. */
export function fieldsOf(row: BookRow): BookFields {
  return {
    title: row.title,
    subtitle: row.subtitle,
    contributors: row.contributors,
    publisher: row.publisher,
    publishedOn: row.publishedOn,
    language: row.language,
    format: row.format,
    description: row.description,
    subjects: row.subjects,
    price: priceOf(row),
    cover: row.cover,
    limited: row.limited,
    perCustomer: row.perCustomer,
    salesOpenAt: row.salesOpenAt?.toISOString() ?? null,
    prices: row.prices,
    priceChangesAt: row.priceChangesAt?.toISOString() ?? null,
    details: row.details,
  }
}
