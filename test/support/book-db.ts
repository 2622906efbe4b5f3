import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type Database, openDatabase } from '#ports/database'
import { type TestScope, testDatabase } from './database.ts'
import { testMariadb } from './mariadb.ts'

/** What BookDb runs on in tests that do not care: `npm test -- --book-db mariadb` sets it. */
export const bookDbKind = process.env.OCTAVO_TEST_BOOK_DB || 'postgres'
assert.ok(['postgres', 'mariadb'].includes(bookDbKind), `--book-db ${bookDbKind}: there is postgres, mariadb`)

/** Why a test of the servers that the store brings is left out: its BookDb is on another. */
export const broughtElsewhere = bookDbKind !== 'postgres' && 'the store brings no server for BookDb here'

/** A fresh, empty database for BookDb, dropped when the test ends. */
export function testBookDb(t: TestScope, name: string): Promise<{ url: string }> {
  return bookDbKind === 'mariadb' ? testMariadb(t, name) : testDatabase(t, name, 'books')
}

/** Where a whole store has its BookDb: nothing is set where it brings its own server. */
export async function bookDbSettings(t: TestScope): Promise<Record<string, string>> {
  return bookDbKind === 'mariadb' ? { OCTAVO_BOOK_DB: (await testMariadb(t, 'books')).url } : {}
}

export type PlainBook = {
  isbn: string
  title?: string
  price?: number
  perCustomer?: number | null
  salesOpenAt?: Date | null
  copies?: number
}

/** What MariaDB's columns have no default for. */
const mariadbColumns: Readonly<Record<string, unknown>> = {
  ...{ contributors: '[]', subjects: '[]', prices: '[]', details: '{}', format: 'other', limited: 0 },
  ...{ published_sort: 0, price_up: 0, price_down: 0 },
  ...{ title_folded: '', words_digest: '', keys_version: 0 },
}

/** Puts a book into BookDb by hand, as a program would that knows nothing of search. */
export async function addPlainBook(database: Database, book: PlainBook): Promise<void> {
  const row = {
    ...{
      isbn: book.isbn,
      title: book.title ?? 'Title',
      price_amount: book.price ?? 1,
      price_currency: 'EUR',
    },
    ...{ per_customer: book.perCustomer ?? null, sales_open_at: book.salesOpenAt ?? null },
    ...(database.dialect.name === 'mariadb' && { ...mariadbColumns, made: randomUUID() }),
  }
  const values = Object.keys(row).map((_, i) => `$${i + 1}`)
  await database.execute(
    `INSERT INTO catalog.books (${Object.keys(row).join(', ')}) VALUES (${values.join(', ')})`,
    Object.values(row),
  )
  await database.execute('INSERT INTO catalog.stock (isbn, copies) VALUES ($1, $2)', [
    book.isbn,
    book.copies ?? 0,
  ])
}

/** BookDb for a test's own plain statements, which are written for PostgreSQL: `catalog.books`, `$1`. */
export async function openBookDb(url: string): Promise<Database> {
  const database = await openDatabase(url, { applicationName: 'test', connectionsMax: 4 })
  if (database.dialect.name === 'postgres') return database
  const inTheirs = <On extends Pick<Database, 'query' | 'execute'>>(on: On): On => ({
    ...on,
    query: (sql: string, params?: readonly unknown[]) => on.query(...asQuestions(sql, params)),
    execute: (sql: string, params?: readonly unknown[]) => on.execute(...asQuestions(sql, params)),
  })
  return { ...inTheirs(database), transaction: (work) => database.transaction((tx) => work(inTheirs(tx))) }
}

/** Parameters are taken in the order in which the statement names them. */
function asQuestions(sql: string, params: readonly unknown[] = []): [string, unknown[]] {
  const named = [...sql.matchAll(/\$(\d+)/g)].map(([, n]) => params[Number(n) - 1])
  return [sql.replace(/\$\d+/g, '?').replace(/\bcatalog\./g, ''), named]
}
