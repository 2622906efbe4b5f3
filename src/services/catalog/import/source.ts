import type { NewBook } from '../contract.ts'
import type { BookDetails } from './details.ts'

/** Where the shop sells, in what, and when its day begins. */
export type Shop = {
  /** ISO 3166-1 alpha-2; empty where it is not told. */
  country: string
  /** ISO 4217. */
  currency: string
  /** IANA name. */
  timeZone: string
}

export const shopDefaults: Shop = { country: '', currency: 'EUR', timeZone: 'UTC' }

/** A price and when it is in force; `until` is the first moment at which it is not. Times are ISO 8601 in UTC. */
export type PricePeriod = { amount: number; currency: string; from?: string; until?: string }

/**
 * A book as a file tells of it: what the file says nothing about is left out. A price of `null` is known to be unknown;
 * `prices` are all that the file tells of, the one to take first where several are in force.
 */
export type ImportedBook = Partial<Omit<NewBook, 'isbn' | 'price'>> & {
  isbn: string
  price?: { amount: number; currency: string } | null
  /** The record has a price, but not one that can be read: a new book gets no other one in its place. */
  priceIsUnreadable?: boolean
  prices?: readonly PricePeriod[]
  copies?: number
  details?: BookDetails
}

/** What was done to a value of a record that was taken. */
export type Note = {
  field: string
  /** Changed into another value, or not taken at all. */
  kind: 'repaired' | 'left-out'
  from: string
  to?: string
  message: string
}

export type ImportFault = {
  /** 1 for the first record after the header. */
  record: number
  line?: number
  field?: string
  message: string
}

/** What a file reader yields, record by record, in the file's order. */
export type SourceRecord = {
  record: number
  line?: number
  /** A later record of the same book is news of it, not the same again. */
  mayRepeat?: boolean
} & (
  | { kind: 'book'; book: ImportedBook; notes?: readonly Note[] }
  | { kind: 'wrong'; field?: string; message: string }
)

/** The file as a whole cannot be read, or not any further: in words for whoever sent it. */
export class UnreadableFile extends Error {
  override name = 'UnreadableFile'
}

export type ImportCounts = {
  read: number
  created: number
  updated: number
  unchanged: number
  rejected: number
}

export type ImportOptions = {
  /** What new books cost whose record has no price. */
  price: { amount: number; currency: string }
  /** Owned copies of new books whose record does not say. */
  copies: number
}

export const importDefaults: ImportOptions = { price: { amount: 1250, currency: 'EUR' }, copies: 0 }
