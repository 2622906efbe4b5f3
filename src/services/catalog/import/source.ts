import type { BookDetails, NewBook, PricePeriod } from '../contract.ts'

export type { PricePeriod } from '../contract.ts'

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
  /** Details that a block which replaces an earlier one no longer has. */
  detailsTakenAway?: readonly (keyof BookDetails)[]
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
  /** The book is to be taken out of the catalogue. */
  | { kind: 'deletion'; isbn: string }
  | { kind: 'wrong'; field?: string; message: string }
)

/** The file as a whole cannot be read, or not any further: in words for whoever sent it. */
export class UnreadableFile extends Error {
  override name = 'UnreadableFile'
}

export const stockOptions = ['keep', 'set'] as const
export type StockOption = (typeof stockOptions)[number]

export const coversOptions = ['leave', 'fetch'] as const
export type CoversOption = (typeof coversOptions)[number]

export type ImportCounts = {
  read: number
  created: number
  updated: number
  unchanged: number
  rejected: number
}

export type ImportOptions = {
  /** What new books cost whose record has no price; without it they are not for sale yet. */
  price?: { amount: number; currency: string }
  /** Owned copies of new books whose record does not say. */
  copies: number
  /** Whether the copies of known books are set to what the file says; otherwise their stock stays. */
  stock?: StockOption
  /** Whether pictures of covers that the file names are fetched, for books without a cover of their own. */
  covers?: CoversOption
  /** Only tells what would change. */
  dryRun?: boolean
}

export const importDefaults: Required<Pick<ImportOptions, 'copies' | 'stock'>> = { copies: 0, stock: 'keep' }
