import { type DatabaseOptions, migrate, openDatabase, openReads, startOutboxRelay } from '#ports/database'
import { readsOf } from '../book-reads.ts'
import type { CatalogStore, StoreOptions } from '../catalog-store.ts'
import { createStoreAudit } from './audit.ts'
import { createBookReader, createBookStore } from './books.ts'
import { createImportStore } from './imports.ts'
import { createMissStore } from './misses.ts'
import { hearOfOthers } from './others-wrote.ts'
import { createPictureStore } from './pictures.ts'
import { createStockStore } from './stock.ts'
import { createTransferStore } from './transfer.ts'

/** Where BookDb's migrations are; its schema is `catalog`. */
export const migrationsFolder = new URL('./migrations/', import.meta.url)
export const schemaName = () => schema
const schema = 'catalog'

/** BookDb on a PostgreSQL server. */
export async function openStore(url: string, options: StoreOptions): Promise<CatalogStore> {
  const { applicationName, connectionsMax = 8, statementTimeoutMs, lockTimeoutMs } = options
  await using opened = new AsyncDisposableStack()
  const open = async (name: string, more: Omit<DatabaseOptions, 'applicationName'>) => {
    const bounds = statementTimeoutMs === undefined ? {} : { statementTimeoutMs }
    return opened.use(await openDatabase(url, { applicationName: name, ...bounds, ...more }))
  }
  const database = await open(applicationName, { connectionsMax })
  // Connections of its own: no search keeps a sale waiting, and its few statements are planned once.
  const stock = await open(`${applicationName}-stock`, {
    ...{ connectionsMax: 4, planOnce: true },
    ...(lockTimeoutMs !== undefined && { lockTimeoutMs }),
  })
  // And so have the ends of transactions, which those who prepare may be waiting for.
  const finishing = await open(`${applicationName}-finishing`, { connectionsMax: 2 })
  const reads = opened.use(await openReads(url, database, { applicationName: `${applicationName}-reads` }))
  const resources = opened.move()
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
    schema: { database, name: schema, folder: migrationsFolder },
    async migrate() {
      await migrate(database, migrationsFolder, schema)
    },
    isReady: () =>
      database.query('SELECT 1').then(
        () => true,
        () => false,
      ),
    carryNews: (broker, clock) => startOutboxRelay({ database, schema, broker, clock }),
    hearOfOthers: (clock, heard) => hearOfOthers(url, applicationName, clock, heard),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}
