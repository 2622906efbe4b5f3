import type { Statements } from '#ports/database'
import type { BookFields } from './book-fields.ts'

/** The columns of `BookFields`, in the order of `valuesOf`. */
export const columns = [
  'title',
  'subtitle',
  'contributors',
  'publisher',
  'published_on',
  'language',
  'format',
  'description',
  'subjects',
  'price_amount',
  'price_currency',
  'cover',
  'limited',
  'per_customer',
  'sales_open_at',
] as const

export function valuesOf(book: BookFields): unknown[] {
  return [
    book.title,
    book.subtitle,
    JSON.stringify(book.contributors),
    book.publisher,
    book.publishedOn,
    book.language,
    book.format,
    book.description,
    book.subjects,
    book.price.amount,
    book.price.currency,
    book.cover,
    book.limited,
    book.perCustomer,
    book.salesOpenAt,
  ]
}

const insertSql = `
  with book as (
    insert into catalog.books (isbn, ${columns.join(', ')})
    values ($1, ${columns.map((_, i) => `$${i + 2}`).join(', ')})
    returning isbn
  )
  insert into catalog.stock (isbn) select isbn from book`

/** A book and its stock row, in one statement. @throws ConstraintViolation when the ISBN is taken */
export async function insertBook(statements: Statements, isbn: string, book: BookFields): Promise<void> {
  await statements.execute(insertSql, [isbn, ...valuesOf(book)])
}

const updateSql = `
  update catalog.books set ${columns.map((column, i) => `${column} = $${i + 2}`).join(', ')},
    version = version + 1, updated_at = now()
  where isbn = $1 and (${columns.join(', ')}) is distinct from
    (${columns.map((column, i) => `$${i + 2}::${typeOf(column)}`).join(', ')})`

/** Replaces every field; an edit that changes nothing keeps the version. */
export async function updateBook(statements: Statements, isbn: string, book: BookFields): Promise<void> {
  await statements.execute(updateSql, [isbn, ...valuesOf(book)])
}

export function typeOf(column: (typeof columns)[number]): string {
  switch (column) {
    case 'contributors':
      return 'jsonb'
    case 'subjects':
      return 'text[]'
    case 'price_amount':
      return 'bigint'
    case 'limited':
      return 'boolean'
    case 'per_customer':
      return 'int'
    case 'sales_open_at':
      return 'timestamptz'
    default:
      return 'text'
  }
}
