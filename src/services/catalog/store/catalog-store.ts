import type { Broker } from '#ports/broker'
import type { Clock } from '#ports/clock'
import type { Database, Seen } from '#ports/database'
import type { BookReader, BookStore } from './book-store.ts'
import type { ImportStore } from './import-store.ts'
import type { MissStore } from './miss-store.ts'
import type { PictureStore } from './picture-store.ts'
import type { StockStore } from './stock-store.ts'
import type { StoreAudit } from './store-audit.ts'
import type { TransferStore } from './transfer-store.ts'

/** All that catalog keeps. What is in it is put in the words of the domain; a dialect only stores it and finds it. */
export type CatalogStore = AsyncDisposable & {
  readonly stock: StockStore
  readonly books: BookStore
  /** Reads books for display: of a replica, where there is one that shows enough. */
  readonly reads: BookReads
  readonly imports: ImportStore
  readonly pictures: PictureStore
  readonly misses: MissStore
  readonly audit: StoreAudit
  readonly transfer: TransferStore
  /** Its tables, as this program is made for them. */
  readonly schema: { database: Database; name: string; folder: URL }
  /** Brings the tables up to date; processes that start together may all do it. */
  migrate(): Promise<void>
  /** Whether it can be reached just now. */
  isReady(): Promise<boolean>
  /** Carries the news that changes left behind to the broker, for as long as it is not disposed. */
  carryNews(broker: Broker, clock: Clock): NewsCarrier
  /**
   * Hears of what was written to books and stock by somebody else than a store, and which no news tells of. Several
   * processes may; of those on PostgreSQL one hears.
   */
  hearOfOthers(clock: Clock, heard: (wrote: OthersWrote) => void): AsyncDisposable
}

/** `anything` when it may be every book: many were written to, or what was written meanwhile cannot be known. */
export type OthersWrote = { kind: 'titles'; isbns: readonly string[] } | { kind: 'anything' }

export type BookReads = {
  /** @param seen what whoever asks has seen, if they say so: they are shown no less */
  reader(seen?: Seen): Promise<BookReader>
  /** What one who has just written has seen; undefined where there are no replicas. */
  seen(): Promise<Seen | undefined>
}

export type NewsCarrier = AsyncDisposable & {
  /** Call after a change: its news goes out at once, instead of within a second. */
  ring(): void
}

export type StoreOptions = {
  /** What its connections are called at the server. */
  applicationName: string
  /** For all but stock. */
  connectionsMax?: number
  /** Upper bound for a statement, waiting for locks included. */
  statementTimeoutMs?: number
  /** Upper bound for a transaction's wait for a title. */
  lockTimeoutMs?: number
}
