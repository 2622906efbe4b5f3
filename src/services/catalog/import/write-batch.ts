import { backoffMs } from '#kernel/backoff'
import type { Clock } from '#ports/clock'
import { DatabaseBusy, DatabaseUnavailable } from '#ports/database'
import { statusOf } from '../books/availability.ts'
import { type BookFields, completed } from '../books/book-fields.ts'
import { type BookRow, fieldsOf } from '../books/book-row.ts'
import { entryOf } from '../search/book-keys.ts'
import { newsOf } from '../stock/news.ts'
import type { BookChanges, BookEntry, BookStore } from '../store/book-store.ts'
import type { ImportedBook, ImportOptions } from './source.ts'

export type BatchCounts = {
  created: number
  updated: number
  unchanged: number
  /** ISBNs of books that are not in the catalogue, and cannot be added because their records have no title. */
  untitled: ReadonlySet<string>
}

const attemptsMax = 6

/**
 * Writes a batch of different books in one transaction: new ones with their stock and its first ledger entry, known
 * ones where something differs. Stock of known books is never touched.
 */
export async function writeBatch(
  store: BookStore,
  books: readonly ImportedBook[],
  options: ImportOptions,
  clock: Clock,
): Promise<BatchCounts> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await store.change((changes) => write(changes, books, options, clock.now()))
    } catch (error) {
      const passes =
        error instanceof DatabaseBusy || error instanceof DatabaseUnavailable || error instanceof Overtaken
      if (!passes || attempt + 1 >= attemptsMax) throw error
      await clock.sleep(backoffMs(attempt, clock.random(), 200, 5_000))
    }
  }
}

/** Somebody else added one of the books while this batch was on its way. */
class Overtaken extends Error {
  override name = 'Overtaken'
}

async function write(
  changes: BookChanges,
  books: readonly ImportedBook[],
  options: ImportOptions,
  nowMs: number,
): Promise<BatchCounts> {
  const known = await changes.lock(books.map((book) => book.isbn))
  const added = books.filter((book) => !known.has(book.isbn) && book.title !== undefined)
  const untitled = books.filter((book) => !known.has(book.isbn) && book.title === undefined)
  const changed = books.flatMap((book) => {
    const row = known.get(book.isbn)
    const fields = row && merged(row, book)
    return fields === undefined ? [] : [entryOf(book.isbn, fields)]
  })
  if (added.length > 0) await add(changes, added, options)
  if (changed.length > 0) await replace(changes, changed, known, nowMs)
  return {
    created: added.length,
    updated: changed.length,
    unchanged: known.size - changed.length,
    untitled: new Set(untitled.map((book) => book.isbn)),
  }
}

/** The book's fields with those of the record, or nothing when they are the same. */
function merged(row: BookRow, book: ImportedBook): BookFields | undefined {
  const before = fieldsOf(row)
  const after = completed({ ...before, ...toldOf(book) })
  return JSON.stringify(after) === JSON.stringify(completed(before)) ? undefined : after
}

/** What a record tells of a book's fields. */
function toldOf({ isbn: _isbn, copies: _copies, price, ...book }: ImportedBook) {
  const { priceIsUnreadable: _unreadable, prices: _prices, details: _details, ...fields } = book
  return { ...fields, ...(price != null && { price }) }
}

async function add(
  changes: BookChanges,
  books: readonly ImportedBook[],
  options: ImportOptions,
): Promise<void> {
  const entries = books.map((book) => ({
    ...entryOf(book.isbn, completed({ title: '', price: options.price, ...toldOf(book) })),
    copies: book.copies ?? options.copies,
    reason: 'import',
  }))
  const added = await changes.add(entries)
  if (added < books.length) throw new Overtaken('a book of the batch was added meanwhile')
}

async function replace(
  changes: BookChanges,
  changed: readonly BookEntry[],
  known: ReadonlyMap<string, BookRow>,
  nowMs: number,
): Promise<void> {
  await changes.replace(changed)
  const after = await changes.lock(changed.map((book) => book.isbn))
  const moved = [...after.values()].filter((row) => {
    const before = known.get(row.isbn)
    return before !== undefined && statusOf(before, nowMs) !== statusOf(row, nowMs)
  })
  if (moved.length > 0) await changes.announce(newsOf(moved, nowMs))
}
