import type { Clock } from '#ports/clock'
import type { Shop } from '../import/source.ts'
import type { BookStore } from '../store/book-store.ts'
import { openStore } from '../store/open-store.ts'
import { csvRow, csvStart } from './csv-rows.ts'
import { onixEnd, onixProduct, onixStart } from './onix-product.ts'

export const exportFormats = ['onix', 'csv'] as const
export type ExportFormat = (typeof exportFormats)[number]

const pageSize = 500

/**
 * The whole catalogue as a file, in pieces of a page of books each, in the order of the ISBNs; a book that is added or
 * changed meanwhile is in it as it was or as it is.
 */
export async function* exportBooks(
  books: Pick<BookStore, 'booksAfter'>,
  format: ExportFormat,
  { shop, nowMs }: { shop: Shop; nowMs: number },
): AsyncGenerator<string> {
  yield format === 'csv' ? csvStart : onixStart(nowMs)
  let last = ''
  for (;;) {
    const page = await books.booksAfter(last, pageSize)
    if (page.length === 0) break
    yield page.map((row) => (format === 'csv' ? csvRow(row) : onixProduct(row, shop))).join('')
    last = page.at(-1)?.isbn ?? ''
  }
  if (format === 'onix') yield onixEnd
}

/** The same straight out of BookDb, for whoever has the database at hand. @throws DatabaseUnavailable */
export async function* exportFile(
  databaseUrl: string,
  clock: Clock,
  format: ExportFormat,
  shop: Shop,
): AsyncGenerator<string> {
  await using store = await openStore(databaseUrl, { applicationName: 'octavo export', connectionsMax: 1 })
  yield* exportBooks(store.books, format, { shop, nowMs: clock.now() })
}
