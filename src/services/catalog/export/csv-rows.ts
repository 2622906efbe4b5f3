import { isDeepStrictEqual } from 'node:util'
import { type BookRow, fieldsOf } from '../books/book-row.ts'
import { cleanLine, cleanParagraphs } from '../import/clean-text.ts'
import { readContributors } from '../import/read-names.ts'
import { readList } from '../import/read-values.ts'
import { spelled } from './spelled.ts'

const columns = [
  'isbn',
  'title',
  'subtitle',
  'contributors',
  'publisher',
  'publishedOn',
  'language',
  'format',
  'description',
  'subjects',
  'priceAmount',
  'priceCurrency',
  'cover',
  'limited',
  'perCustomer',
  'salesOpenAt',
  'copies',
  'pages',
  'originalTitle',
] as const

/** The mark by which spreadsheets know UTF-8, and the header. */
export const csvStart = `\ufeff${columns.join(',')}\r\n`

/** A book as a row of CSV. Source: RFC 4180. */
export function csvRow(row: BookRow): string {
  const book = fieldsOf(row)
  const cells: Record<(typeof columns)[number], string | number> = {
    isbn: row.isbn,
    title: spelled(book.title),
    subtitle: spelled(book.subtitle ?? ''),
    contributors: peopleIn(book.contributors),
    publisher: spelled(book.publisher ?? ''),
    publishedOn: book.publishedOn ?? '',
    language: book.language ?? '',
    format: spelled(book.format),
    description: spelled(book.description ?? '', cleanParagraphs),
    subjects: listIn(book.subjects),
    priceAmount: book.price?.amount ?? '',
    priceCurrency: book.price?.currency ?? '',
    cover: book.cover ?? '',
    limited: book.limited ? 'yes' : 'no',
    perCustomer: book.perCustomer ?? '',
    salesOpenAt: book.salesOpenAt ?? '',
    copies: row.copies,
    pages: book.details.pages ?? '',
    originalTitle: spelled(book.details.originalTitle ?? ''),
  }
  return `${columns.map((column) => cell(String(cells[column]))).join(',')}\r\n`
}

/**
 * What a spreadsheet would calculate is marked as text by an apostrophe, which an import takes off again. Source: OWASP,
 * CSV Injection.
 */
function cell(text: string): string {
  const safe = /^'*[=+\-@\t\r]/.test(text) && !/^-?\d+(?:-\d+)*$/.test(text) ? `'${text}` : text
  return /[",\r\n;\t|]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

type People = BookRow['contributors']

/** `Ann Author; Bob Brush (illustrator)` where that is read as the same people, else JSON. */
function peopleIn(people: People): string {
  const written = people.map(({ name, role }) => (role === 'author' ? name : `${name} (${role})`)).join('; ')
  const text = spelled(written)
  const isSame = ([undefined, 'upright', 'inverted'] as const).every((order) =>
    isDeepStrictEqual(
      readContributors(cleanLine(text), order),
      people.map(({ name, role }) => ({ name, role })),
    ),
  )
  return isSame ? text : JSON.stringify(people.map(({ name, role }) => ({ name, role })))
}

/** `Fiction; Poetry` where that is read as the same list, else JSON. */
function listIn(values: readonly string[]): string {
  // The semicolon at the end says that a comma parts nothing.
  const joined = values.length === 1 && values[0]?.includes(',') ? `${values[0]};` : values.join('; ')
  const text = spelled(joined)
  return isDeepStrictEqual(readList(cleanLine(text)), values) ? text : JSON.stringify(values)
}
