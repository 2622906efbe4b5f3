import { join } from 'node:path'
import { openStore } from '../src/services/catalog/store/open-store.ts'
import { addPlainBook, openBookDb } from '../test/support/book-db.ts'
import { layMariadb, mariadbMissing, startMariadb } from '../test/support/mariadb-server.ts'
import type { BenchStore } from './store.ts'

export type MariadbBooks = AsyncDisposable & { url: string; reset(): Promise<void> }

/** As durable as the other server is, with room for the log and the tables. */
const saleSettings = [
  ...['--innodb-buffer-pool-size=256M', '--innodb-log-file-size=1G', '--max-connections=400'],
  ...['--innodb-flush-log-at-trx-commit=1'],
]
const copies = 1_000_000_000

/**
 * BookDb with the same titles on a MariaDB server of its own, in the folder of the bench's store.
 * @param more settings of the server
 */
export async function openMariadbBooks(
  { folder, isbns }: Pick<BenchStore, 'folder' | 'isbns'>,
  more: readonly string[] = [],
): Promise<MariadbBooks> {
  const missing = mariadbMissing()
  if (missing !== false) throw new Error(missing)
  await using opened = new AsyncDisposableStack()
  const path = join(folder, 'mariadb')
  layMariadb(path)
  const server = await startMariadb(path, [...saleSettings, ...more])
  opened.defer(() => server.stop())
  const admin = await openBookDb(server.url('mysql'))
  await admin.execute('CREATE DATABASE books CHARACTER SET utf8mb4 COLLATE utf8mb4_bin')
  await admin[Symbol.asyncDispose]()
  const url = server.url('books')
  const store = await openStore(url, { applicationName: 'bench' })
  await store.migrate()
  await store[Symbol.asyncDispose]()
  const books = opened.use(await openBookDb(url))
  for (const isbn of isbns) await addPlainBook(books, { isbn, title: `Book ${isbn}`, price: 1_250, copies })
  const resources = opened.move()
  return {
    url,
    async reset() {
      await books.execute('UPDATE catalog.stock SET held = 0, sold = 0')
      for (const table of ['ledger', 'outbox', 'transactions'])
        await books.execute(`TRUNCATE catalog.${table}`)
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}
