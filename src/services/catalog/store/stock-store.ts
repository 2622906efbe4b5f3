import type { InDoubt } from '#kernel/transaction'
import type { StockChanged } from '#services/catalog'
import type { Movement, Title } from '../stock/allot.ts'

/** Stock as transactions move it, which can be left prepared: the part of the store that orders are taken from. */
export type StockStore = {
  /**
   * Runs `work` in one transaction, and leaves it prepared under `id` if it moved anything: its titles stay locked, and
   * it survives everything until it is committed or aborted, by any process. Otherwise nothing is kept.
   * @throws ConstraintViolation when stock would be oversold, or `id` was prepared before and not aborted
   * @throws SerializationFailure when a title is not as it was expected
   * @throws DatabaseBusy when a title stayed locked for too long. Nothing is left prepared after any of these three
   * @throws DatabaseUnavailable when nobody knows
   */
  prepare<T>(id: string, work: (transaction: StockTransaction) => Promise<T>): Promise<T>
  /** What was moved counts from now on and its news goes out. Nothing happens where it was finished before. */
  commit(id: string): Promise<void>
  abort(id: string): Promise<void>
  /** Prepared and not finished, oldest first. */
  inDoubt(): Promise<InDoubt[]>
  /** Forgets which transactions were prepared longer ago than this; they could be prepared again. @returns how many */
  forget(olderThanMs: number): Promise<number>
}

export type StockTransaction = {
  /** Locks titles in the order of their ISBNs and reads them as they then are; ISBNs of no book are left out. */
  lock(isbns: ReadonlySet<string>): Promise<Map<string, SeenTitle>>
  /** Once in a transaction, and not waited for: the movement travels with the end, which fails if it does. */
  move(moves: StockMoves): void
}

/** A title with what tells whether it has changed. */
export type SeenTitle = Title & {
  /** Of its stock: one more with every transaction that moved it. */
  version: number
  /** Of its book, one more with every edit. */
  bookVersion: number
  /** Tells the book from another one that was made under the same ISBN later; its form is the store's affair. */
  bookMark: string
}

/** What one transaction does to stock. */
export type StockMoves = {
  /** For the ledger. */
  movements: readonly Movement[]
  /** What they come to, for each title once. */
  sums: readonly StockDelta[]
  /** Goes out when the transaction is committed. */
  news: StockChanged
  /** How the only title has to be found. Without it, titles were locked before. */
  expected?: SeenTitle
}

export type StockDelta = Pick<Movement, 'isbn' | 'copies' | 'held' | 'sold'>
