import { systemClock } from '#ports/clock'
import { openDatabase } from '#ports/database'
import { askOnce } from '#ports/postgres'
import type { PostgresServer } from '../../src/local/postgres-server.ts'
import { bringUpToDate } from '../../src/process/schema.ts'
import { loadSample } from '../../src/services/catalog/sample/load-sample.ts'
import { openStore } from '../../src/services/catalog/store/open-store.ts'
import { migrationsFolder } from '../../src/services/orders/migrations.ts'

const limitMs = 30_000

/** What a database is copied with, as the first start of a store leaves it: tables, and the sample catalogue. */
export type Laid = 'books' | 'books-with-sample' | 'orders'

/** Makes it as a store's own server has it, under the name that it has there. */
export async function layOn(
  server: Pick<PostgresServer, 'url' | 'ensureDatabase'>,
  laid: Laid,
): Promise<void> {
  const name = laid === 'orders' ? 'orders' : 'books'
  await server.ensureDatabase(name)
  await layDatabase(laid, server.url(name))
}

/** Lays it into the empty database at `url`. */
async function layDatabase(laid: Laid, url: string): Promise<void> {
  if (laid === 'orders') {
    await using database = await openDatabase(url, { applicationName: 'keeper' })
    await bringUpToDate({ database, name: 'orders', folder: migrationsFolder })
    return
  }
  await using store = await openStore(url, { applicationName: 'keeper' })
  await bringUpToDate(store.schema)
  if (laid === 'books-with-sample') await loadSample(store.books, systemClock)
}

/**
 * Makes a database that others are made of.
 * @param urlOf the URL of a database on the server, as its administrator
 * @returns its name
 */
export async function makeCopied(urlOf: (database: string) => string, laid: Laid): Promise<string> {
  const name = `laid_${laid.replaceAll('-', '_')}`
  await askOnce(urlOf('postgres'), `CREATE DATABASE ${name}`, limitMs)
  await layDatabase(laid, urlOf(name))
  // It can be copied only while nobody is there.
  await askOnce(urlOf('postgres'), `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`, limitMs)
  return name
}
