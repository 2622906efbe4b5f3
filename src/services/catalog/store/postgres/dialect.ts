import type { Dialect } from '../dialect.ts'
import { createStoreAudit } from './audit.ts'
import { createBookReader, createBookStore } from './books.ts'
import { createImportStore } from './imports.ts'
import { createMissStore } from './misses.ts'
import { hearOfOthers } from './others-wrote.ts'
import { createPictureStore } from './pictures.ts'
import { createStockStore } from './stock.ts'
import { createTransferStore } from './transfer.ts'

/** BookDb on a PostgreSQL server. */
export const dialect: Dialect = {
  migrationsFolder: new URL('./migrations/', import.meta.url),
  schemaName: () => 'catalog',
  stock: createStockStore,
  books: createBookStore,
  bookReader: createBookReader,
  imports: createImportStore,
  pictures: createPictureStore,
  misses: createMissStore,
  audit: createStoreAudit,
  transfer: createTransferStore,
  hearOfOthers: ({ url, applicationName }, clock, heard) => hearOfOthers(url, applicationName, clock, heard),
}
