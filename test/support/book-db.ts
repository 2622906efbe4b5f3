import assert from 'node:assert/strict'
import { type Database, openDatabase } from '#ports/database'
import { type TestScope, testDatabase } from './database.ts'
import { testMariadb } from './mariadb.ts'

/** What BookDb runs on in tests that do not care: `npm test -- --book-db mariadb` sets it. */
export const bookDbKind = process.env.OCTAVO_TEST_BOOK_DB || 'postgres'
assert.ok(['postgres', 'mariadb'].includes(bookDbKind), `--book-db ${bookDbKind}: there is postgres, mariadb`)

/** A fresh, empty database for BookDb, dropped when the test ends. */
export function testBookDb(t: TestScope, name: string): Promise<{ url: string }> {
  return bookDbKind === 'mariadb' ? testMariadb(t, name) : testDatabase(t, name)
}

/** Where a whole store has its BookDb: nothing is set where it brings its own server. */
export async function bookDbSettings(t: TestScope): Promise<Record<string, string>> {
  return bookDbKind === 'mariadb' ? { OCTAVO_BOOK_DB: (await testMariadb(t, 'books')).url } : {}
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
