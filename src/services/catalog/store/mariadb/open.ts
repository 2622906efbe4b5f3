import { type DatabaseOptions, migrate, openDatabase, openReads, startOutboxRelay } from '#ports/database'
import { readsOf } from '../book-reads.ts'
import type { CatalogStore, StoreOptions } from '../catalog-store.ts'
import { createStoreAudit } from './audit.ts'
import { createBookStore } from './books.ts'
import { createImportStore } from './imports.ts'
import { createMissStore } from './misses.ts'
import { hearOfOthers } from './others-wrote.ts'
import { createPictureStore } from './pictures.ts'
import { createBookReader } from './reader.ts'
import { createStockStore } from './stock.ts'
import { createTransferStore } from './transfer.ts'

/** Where BookDb's migrations are. */
export const migrationsFolder = new URL('./migrations/', import.meta.url)

/** A schema is a database here, and the address names it. */
export const schemaName = (url: string) => decodeURIComponent(/^[^?]*\/([^/?]*)/.exec(url)?.[1] ?? '')

/** BookDb on a MariaDB or MySQL server. */
export async function openStore(url: string, options: StoreOptions): Promise<CatalogStore> {
  const { applicationName, connectionsMax = 8, statementTimeoutMs, lockTimeoutMs } = options
  await using opened = new AsyncDisposableStack()
  const open = async (name: string, more: Omit<DatabaseOptions, 'applicationName'>) => {
    const bounds = statementTimeoutMs === undefined ? {} : { statementTimeoutMs }
    return opened.use(await openDatabase(url, { applicationName: name, ...bounds, ...more }))
  }
  const database = await open(applicationName, { connectionsMax })
  // Connections of its own: no search keeps a sale waiting.
  const stock = await open(`${applicationName}-stock`, {
    connectionsMax: 4,
    ...(lockTimeoutMs !== undefined && { lockTimeoutMs }),
  })
  // And so have the ends of transactions, which those who prepare may be waiting for.
  const finishing = await open(`${applicationName}-finishing`, { connectionsMax: 2 })
  const reads = opened.use(await openReads(url, database, { applicationName: `${applicationName}-reads` }))
  const resources = opened.move()
  const name = schemaName(url)
  const books = createBookStore(database)
  return {
    stock: createStockStore(stock, finishing.prepared),
    books,
    reads: readsOf(reads, books, createBookReader),
    imports: createImportStore(database),
    pictures: createPictureStore(database),
    misses: createMissStore(database),
    audit: createStoreAudit(database),
    transfer: createTransferStore(database),
    schema: { database, name, folder: migrationsFolder },
    async migrate() {
      await migrate(database, migrationsFolder, name)
    },
    isReady: () =>
      database.query('SELECT 1').then(
        () => true,
        () => false,
      ),
    carryNews: (broker, clock) => startOutboxRelay({ database, schema: name, broker, clock }),
    hearOfOthers: (clock, heard) => hearOfOthers(database, clock, heard),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}
