import type { BookFields } from '../../books/book-fields.ts'
import { type BookEntry, type BookKeys, type Weight, weights } from '../../search/book-keys.ts'

/** Select list of a `BookRow` from `bookTables`. */
export const bookColumns = `b.isbn, b.title, b.subtitle, b.contributors, b.publisher, b.published_on AS "publishedOn",
  b.language, b.format, b.description, b.subjects, b.price_amount AS "priceAmount",
  b.price_currency AS "priceCurrency", b.prices, b.price_changes_at AS "priceChangesAt", b.details, b.cover, b.limited, b.per_customer AS "perCustomer",
  b.sales_open_at AS "salesOpenAt", b.version, s.copies, s.held, s.sold, s.version AS "stockVersion"`
export const bookTables = 'catalog.books b JOIN catalog.stock s USING (isbn)'

type Column<Source> = { column: string; type: string; of: (source: Source) => unknown }

/** What a bookseller sets. */
export const fieldColumns: readonly Column<BookFields>[] = [
  { column: 'title', type: 'text', of: (book) => book.title },
  { column: 'subtitle', type: 'text', of: (book) => book.subtitle },
  { column: 'contributors', type: 'jsonb', of: (book) => book.contributors },
  { column: 'publisher', type: 'text', of: (book) => book.publisher },
  { column: 'published_on', type: 'text', of: (book) => book.publishedOn },
  { column: 'language', type: 'text', of: (book) => book.language },
  { column: 'format', type: 'text', of: (book) => book.format },
  { column: 'description', type: 'text', of: (book) => book.description },
  { column: 'subjects', type: 'text[]', of: (book) => book.subjects },
  { column: 'price_amount', type: 'bigint', of: (book) => book.price?.amount ?? null },
  { column: 'price_currency', type: 'text', of: (book) => book.price?.currency ?? null },
  { column: 'cover', type: 'text', of: (book) => book.cover },
  { column: 'limited', type: 'boolean', of: (book) => book.limited },
  { column: 'per_customer', type: 'int', of: (book) => book.perCustomer },
  { column: 'sales_open_at', type: 'timestamptz', of: (book) => book.salesOpenAt },
  { column: 'prices', type: 'jsonb', of: (book) => book.prices },
  { column: 'price_changes_at', type: 'timestamptz', of: (book) => book.priceChangesAt },
  { column: 'details', type: 'jsonb', of: (book) => book.details },
]

/** What it is found and sorted by. */
export const keyColumns: readonly Column<BookKeys>[] = [
  { column: 'title_folded', type: 'text', of: (keys) => keys.title },
  { column: 'search', type: 'tsvector', of: (keys) => searchVector(keys) },
  { column: 'published_sort', type: 'int', of: (keys) => keys.publishedOn },
  { column: 'language_primary', type: 'text', of: (keys) => keys.language },
  { column: 'keys_version', type: 'int', of: (keys) => keys.version },
]

export const namesOf = (columns: readonly { column: string }[]) => columns.map(({ column }) => column)

/** A row of `jsonb_to_recordset` has its columns under names that cannot clash with those of the table. */
export const incoming = (column: string) => `new_${column}`
export const recordType = (columns: readonly { column: string; type: string }[]) =>
  ['isbn text', ...columns.map(({ column, type }) => `${incoming(column)} ${type}`)].join(', ')

export function fieldsAsRecord({ isbn, fields, keys }: BookEntry): Record<string, unknown> {
  const record: Record<string, unknown> = { isbn }
  for (const { name, of } of incomingFields) record[name] = of(fields)
  for (const { name, of } of incomingKeys) record[name] = of(keys)
  return record
}

export function keysAsRecord(isbn: string, keys: BookKeys): Record<string, unknown> {
  const record: Record<string, unknown> = { isbn }
  for (const { name, of } of incomingKeys) record[name] = of(keys)
  return record
}

const incomingFields = fieldColumns.map(({ column, of }) => ({ name: incoming(column), of }))
const incomingKeys = keyColumns.map(({ column, of }) => ({ name: incoming(column), of }))

/** PostgreSQL's four weights, and the values that `ts_rank` gives them: D, C, B, A. */
const letters: Readonly<Record<Weight, string>> = { title: 'A', name: 'B', subtitle: 'C', subject: 'D' }
export const rankWeights = `'{${weights.subject}, ${weights.subtitle}, ${weights.name}, ${weights.title}}'`

/** A position that is too far back counts as this one. */
const placeMax = 16_383

/** The text form of a `tsvector`. Words are letters and digits alone, so that quoting them is enough. */
function searchVector({ words: parts }: BookKeys): string {
  let place = 0
  return parts
    .flatMap(({ weight, words }) =>
      words.map((word) => {
        place++
        return `'${word}':${Math.min(place, placeMax)}${letters[weight]}`
      }),
    )
    .join(' ')
}
