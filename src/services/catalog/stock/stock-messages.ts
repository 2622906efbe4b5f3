import type { Vote } from '#kernel/transaction'
import type { Availability } from '../books/book-schemas.ts'

// What catalog does as a participant in two-phase commit; #kernel/transaction has the protocol's routes.

/** A movement of stock that one member of a group asks for. */
export type StockRequest =
  | {
      kind: 'reserve'
      /** Who buys, as an opaque key, for the per-customer limit inside one group. */
      customer: string
      lines: { isbn: string; quantity: number; alreadyBought: number }[]
    }
  | { kind: 'confirm' | 'release' | 'return'; lines: { isbn: string; quantity: number }[] }
  | { kind: 'set-copies'; isbn: string; copies: number; reason: string | null }

/** What catalog answers for each request, in the same order. */
export type StockAnswer =
  | { kind: 'reserved' }
  | { kind: 'moved' }
  /** The copies to confirm, release or return are not held or sold: most likely this was done before. */
  | { kind: 'not-there' }
  | { kind: 'copies-set'; copies: number; available: number }
  | { kind: 'unknown-book'; isbns: string[] }
  | { kind: 'out-of-stock'; lines: { isbn: string; requested: number; available: number }[] }
  | { kind: 'customer-limit'; isbn: string; perCustomer: number }
  | { kind: 'sales-not-open'; isbn: string; salesOpenAt: string }
  /** Its price is not known. */
  | { kind: 'not-for-sale'; isbn: string }
  | { kind: 'mixed-currencies' }
  | { kind: 'below-sold'; committed: number }

/** Answers, and what the titles that were reserved are called and cost at this moment, once for all of them. */
export type StockVote = Vote<StockAnswer> & { titles: SoldTitle[] }

export type SoldTitle = {
  isbn: string
  title: string
  unitPrice: { amount: number; currency: string }
  perCustomer: number | null
}

/** Topic of `StockChanged` messages. */
export const stockChangedTopic = 'stock.changed'
export type StockChanged = { books: Availability[] }
