import type { NewBook } from '../contract.ts'

/** A book as a file tells of it: what the file says nothing about is left out. */
export type ImportedBook = Omit<NewBook, 'price'> & Partial<Pick<NewBook, 'price'>> & { copies?: number }

export type ImportFault = {
  /** 1 for the first record after the header. */
  record: number
  line?: number
  field?: string
  message: string
}

/** What a file reader yields, record by record, in the file's order. */
export type SourceRecord = { record: number; line?: number } & (
  | { kind: 'book'; book: ImportedBook }
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
