import type { Clock } from '#ports/clock'
import type { Database, Reading } from '#ports/database'
import type { BookReader, BookStore } from './book-store.ts'
import type { OthersWrote } from './catalog-store.ts'
import type { ImportStore } from './import-store.ts'
import type { MissStore } from './miss-store.ts'
import type { PictureStore } from './picture-store.ts'
import type { StockStore } from './stock-store.ts'
import type { StoreAudit } from './store-audit.ts'
import type { TransferStore } from './transfer-store.ts'

/** What a dialect brings to a store: its SQL, and where its migrations are. */
export type Dialect = {
  migrationsFolder: URL
  /** What the tables' schema is called in the database at an address. */
  schemaName(url: string): string
  /** @param prepared finishes; on connections of its own, for those of `database` may all be waiting for just that */
  stock(database: Database, prepared: Database['prepared']): StockStore
  books(database: Database): BookStore
  /** Reads books for display, at a replica too. */
  bookReader(reading: Reading): BookReader
  imports(database: Database): ImportStore
  pictures(database: Database): PictureStore
  misses(database: Database): MissStore
  audit(database: Database): StoreAudit
  transfer(database: Database): TransferStore
  /** Hears of what others wrote, either by the database or by its log on a connection of its own. */
  hearOfOthers(
    at: { database: Database; url: string; applicationName: string },
    clock: Clock,
    heard: (wrote: OthersWrote) => void,
  ): AsyncDisposable
}
