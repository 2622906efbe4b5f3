import type { BookRow } from '../books/book-row.ts'
import type { BookEntry } from '../search/book-keys.ts'

/** A movement of the ledger as it is kept. */
export type LedgerRow = {
  /** Its place in the ledger. */
  id: number
  transactionId: string | null
  isbn: string
  movement: string
  copies: number
  held: number
  sold: number
  reason: string | null
  at: Date
}

/** A book with everything that a copy of it has to have. */
export type WholeBook = BookRow & { createdAt: Date; updatedAt: Date }

/** What a catalogue needs to be carried to another database as it is. */
export type TransferStore = {
  /** Books after an ISBN, in the order of their ISBNs, by code point. */
  books(after: string, limit: number): Promise<WholeBook[]>
  /** The ledger after a place, in its order. */
  ledger(after: number, limit: number): Promise<LedgerRow[]>
  /** Whether it holds nothing that a copy could clash with. */
  isEmpty(): Promise<boolean>
  /** Writes books with their stock and versions as they are, and no movement for it. */
  writeBooks(books: readonly { book: WholeBook; entry: BookEntry }[]): Promise<void>
  /** Adds movements to the ledger, in this order. */
  writeLedger(rows: readonly LedgerRow[]): Promise<void>
}
