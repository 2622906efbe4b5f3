import type { Dialect } from '../dialect.ts'
import { createStoreAudit } from './audit.ts'
import { createBookStore } from './books.ts'
import { createImportStore } from './imports.ts'
import { createMissStore } from './misses.ts'
import { hearOfOthers } from './others-wrote.ts'
import { createPictureStore } from './pictures.ts'
import { createBookReader } from './reader.ts'
import { createStockStore } from './stock.ts'
import { createTransferStore } from './transfer.ts'

/** BookDb on a MariaDB or MySQL server. */
export const dialect: Dialect = {
  migrationsFolder: new URL('./migrations/', import.meta.url),
  // A schema is a database here, and the address names it.
  schemaName: (url) => decodeURIComponent(/^[^?]*\/([^/?]*)/.exec(url)?.[1] ?? ''),
  stock: createStockStore,
  books: createBookStore,
  bookReader: createBookReader,
  imports: createImportStore,
  pictures: createPictureStore,
  misses: createMissStore,
  audit: createStoreAudit,
  transfer: createTransferStore,
  hearOfOthers: ({ database }, clock, heard) => hearOfOthers(database, clock, heard),
}
