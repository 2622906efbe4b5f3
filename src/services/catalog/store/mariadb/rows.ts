import { createHash } from 'node:crypto'
import type { Statements } from '#ports/database'
import type { BookFields } from '../../books/book-fields.ts'
import type { BookRow } from '../../books/book-row.ts'
import type { BookEntry, BookKeys } from '../../search/book-keys.ts'

type JsonColumn = 'contributors' | 'subjects' | 'prices' | 'details'
/** A `BookRow` as it comes. */
export type StoredBook = Omit<BookRow, JsonColumn | 'limited'> &
  Record<JsonColumn, string> & {
    limited: number
  }

/** Select list of a `StoredBook` from `bookTables`. */
const bookColumns = `b.isbn, b.title, b.subtitle, b.contributors, b.publisher, b.published_on AS publishedOn,
  b.language, b.format, b.description, b.subjects, b.price_amount AS priceAmount,
  b.price_currency AS priceCurrency, b.prices, b.price_changes_at AS priceChangesAt, b.details, b.cover, b.limited, b.per_customer AS perCustomer,
  b.sales_open_at AS salesOpenAt, b.version, s.copies, s.held, s.sold, s.version AS stockVersion`
const bookTables = 'books b JOIN stock s ON s.isbn = b.isbn'

/** Books as they are, with their stock. @param rest conditions and order, over `b` and `s` */
export async function readBooks(
  on: Pick<Statements, 'query'>,
  rest: string,
  params: readonly unknown[],
): Promise<BookRow[]> {
  const rows = await on.query<StoredBook>(`SELECT ${bookColumns} FROM ${bookTables} ${rest}`, params)
  return rows.map((row) => ({
    ...row,
    contributors: JSON.parse(row.contributors),
    subjects: JSON.parse(row.subjects),
    prices: JSON.parse(row.prices),
    details: JSON.parse(row.details),
    limited: row.limited === 1,
  }))
}

const dateOf = (iso: string | null) => (iso === null ? null : new Date(iso))

type Column<Source> = { column: string; of: (source: Source) => unknown }

/** What a bookseller sets. */
export const fieldColumns: readonly Column<BookFields>[] = [
  { column: 'title', of: (book) => book.title },
  { column: 'subtitle', of: (book) => book.subtitle },
  { column: 'contributors', of: (book) => JSON.stringify(book.contributors) },
  { column: 'publisher', of: (book) => book.publisher },
  { column: 'published_on', of: (book) => book.publishedOn },
  { column: 'language', of: (book) => book.language },
  { column: 'format', of: (book) => book.format },
  { column: 'description', of: (book) => book.description },
  { column: 'subjects', of: (book) => JSON.stringify(book.subjects) },
  { column: 'price_amount', of: (book) => book.price?.amount ?? null },
  { column: 'price_currency', of: (book) => book.price?.currency ?? null },
  { column: 'cover', of: (book) => book.cover },
  { column: 'limited', of: (book) => (book.limited ? 1 : 0) },
  { column: 'per_customer', of: (book) => book.perCustomer },
  { column: 'sales_open_at', of: (book) => dateOf(book.salesOpenAt) },
  { column: 'prices', of: (book) => JSON.stringify(book.prices) },
  { column: 'price_changes_at', of: (book) => dateOf(book.priceChangesAt) },
  { column: 'details', of: (book) => JSON.stringify(book.details) },
]

/** What follows from it. */
export const derivedColumns: readonly Column<BookFields>[] = [
  { column: 'language_folded', of: (book) => book.language?.toLowerCase() ?? null },
  { column: 'price_up', of: (book) => book.price?.amount ?? Number.MAX_SAFE_INTEGER },
  { column: 'price_down', of: (book) => book.price?.amount ?? -1 },
]

/** What it is found and sorted by. */
export const keyColumns: readonly Column<BookKeys>[] = [
  { column: 'title_folded', of: (keys) => keys.title },
  { column: 'published_sort', of: (keys) => keys.publishedOn },
  { column: 'language_primary', of: (keys) => keys.language },
  { column: 'keys_version', of: (keys) => keys.version },
]

export const namesOf = (columns: readonly { column: string }[]) => columns.map(({ column }) => column)
export const valuesOf = <Source>(columns: readonly Column<Source>[], source: Source) =>
  columns.map(({ of }) => of(source))

/** What tells whether a book's words and subjects have to be written again. */
export function wordsDigest({
  fields,
  keys,
}: Pick<BookEntry, 'keys'> & { fields: Pick<BookFields, 'subjects'> }) {
  return createHash('md5')
    .update(JSON.stringify([keys.words, fields.subjects]))
    .digest('hex')
}

/** `(?, ?), (?, ?)`: so many rows of so many parameters. */
export const places = (rows: number, columns: number) =>
  Array(rows)
    .fill(`(${Array(columns).fill('?').join(', ')})`)
    .join(', ')
/** `?, ?, ?` for a list in brackets. */
export const list = (count: number) => Array(count).fill('?').join(', ')

/** So many rows go in one statement: far below what a packet holds. */
const rowsPerStatementMax = 1_000

/** Writes rows of any number. */
export async function insertRows(
  on: Statements,
  into: string,
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
  rest = '',
  perStatementMax = rowsPerStatementMax,
): Promise<void> {
  for (let from = 0; from < rows.length; from += perStatementMax) {
    const some = rows.slice(from, from + perStatementMax)
    await on.execute(
      `${into} (${columns.join(', ')}) VALUES ${places(some.length, columns.length)} ${rest}`,
      some.flat(),
    )
  }
}
