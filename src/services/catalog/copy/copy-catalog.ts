import { createHash } from 'node:crypto'
import { fieldsOf } from '../books/book-row.ts'
import { entryOf } from '../search/book-keys.ts'
import type { CatalogStore } from '../store/catalog-store.ts'
import type { TransferStore } from '../store/transfer-store.ts'

export type CatalogSums = {
  books: number
  movements: number
  copies: number
  held: number
  sold: number
  /** Over every book, its stock, and every movement, in order. */
  checksum: string
}
export type CopyOutcome =
  | { kind: 'equal'; sums: CatalogSums }
  | { kind: 'different'; from: CatalogSums; to: CatalogSums }
  | { kind: 'refused'; reason: string }

const booksPerBatch = 500
const movementsPerBatch = 2_000

/**
 * Copies books with their fetched covers, stock and ledger, then reads both whole and compares. Nobody may be selling meanwhile; a transaction in
 * doubt would be missing from the copy, so it has to be finished before.
 */
export async function copyCatalog(
  from: CatalogStore,
  to: CatalogStore,
  onProgress: (books: number) => void = () => undefined,
): Promise<CopyOutcome> {
  const inDoubt = await from.stock.inDoubt()
  if (inDoubt.length > 0)
    return {
      kind: 'refused',
      reason: `${inDoubt.length} transactions are in doubt; octavo transactions shows them`,
    }
  if (!(await to.transfer.isEmpty()))
    return {
      kind: 'refused',
      reason: 'the target holds a catalogue already; where a copy broke off, make its database anew',
    }
  let copied = 0
  for await (const books of bookBatches(from.transfer)) {
    await to.transfer.writeBooks(books.map((book) => ({ book, entry: entryOf(book.isbn, fieldsOf(book)) })))
    for (const { isbn, cover } of books) if (cover?.includes('/picture')) await copyPicture(from, to, isbn)
    copied += books.length
    onProgress(copied)
  }
  for await (const rows of ledgerBatches(from.transfer)) await to.transfer.writeLedger(rows)
  const [before, after] = [await sumsOf(from.transfer), await sumsOf(to.transfer)]
  return JSON.stringify(before) === JSON.stringify(after)
    ? { kind: 'equal', sums: after }
    : { kind: 'different', from: before, to: after }
}

async function copyPicture(from: CatalogStore, to: CatalogStore, isbn: string): Promise<void> {
  const picture = await from.pictures.find(isbn)
  if (picture !== undefined) await to.pictures.put(isbn, picture)
}

async function* bookBatches(store: TransferStore) {
  for (let after = ''; ; ) {
    const books = await store.books(after, booksPerBatch)
    if (books.length === 0) return
    yield books
    after = books.at(-1)?.isbn ?? ''
  }
}

async function* ledgerBatches(store: TransferStore) {
  for (let after = 0; ; ) {
    const rows = await store.ledger(after, movementsPerBatch)
    if (rows.length === 0) return
    yield rows
    after = rows.at(-1)?.id ?? 0
  }
}

/** Reads all of it. */
export async function sumsOf(store: TransferStore): Promise<CatalogSums> {
  const sums = { books: 0, movements: 0, copies: 0, held: 0, sold: 0 }
  const hash = createHash('sha256')
  for await (const books of bookBatches(store))
    for (const book of books) {
      sums.books++
      sums.copies += book.copies
      sums.held += book.held
      sums.sold += book.sold
      hash.update(canonical(book))
    }
  for await (const rows of ledgerBatches(store))
    for (const { id: _, ...row } of rows) {
      sums.movements++
      hash.update(canonical(row))
    }
  return { ...sums, checksum: hash.digest('hex').slice(0, 16) }
}

/** The same text for the same value, whatever order its keys come in. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (value === null || typeof value !== 'object' || value instanceof Date)
    return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join()}}`
}
