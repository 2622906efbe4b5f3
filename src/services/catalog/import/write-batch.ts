import { isDeepStrictEqual } from 'node:util'
import { backoffMs } from '#kernel/backoff'
import type { Clock } from '#ports/clock'
import { DatabaseBusy, DatabaseUnavailable } from '#ports/database'
import { statusOf } from '../books/availability.ts'
import { type BookFields, completed } from '../books/book-fields.ts'
import { type BookRow, fieldsOf } from '../books/book-row.ts'
import { type BookEntry, entryOf } from '../search/book-keys.ts'
import { newsOf } from '../stock/news.ts'
import type { BookChanges, BookStore, NewBookEntry } from '../store/book-store.ts'
import { nextChangeOf } from './price-periods.ts'
import { setStock } from './set-stock.ts'
import type { ImportedBook, ImportOptions } from './source.ts'
import type { BatchResult, Written } from './written.ts'

/**
 * Writes a batch of different books in one transaction: new ones with their stock and its first ledger entry, known
 * ones where something differs. Stock of known books is touched only where the import is to set it.
 * @param madeReady by ISBN, from `newEntryOf`: what needs not be made any more for those that are new
 */
export const writeBatch = (
  store: BookStore,
  books: readonly ImportedBook[],
  options: ImportOptions,
  clock: Clock,
  madeReady: ReadonlyMap<string, NewBookEntry> = new Map(),
): Promise<BatchResult> =>
  persistently(clock, () => store.change((changes) => write(changes, books, options, clock.now(), madeReady)))

/** What a book is written as that is not known yet, which can be made while the batch before is being written. */
export function newEntryOf(book: ImportedBook, options: ImportOptions, nowMs: number): NewBookEntry {
  const entry = entryOf(book.isbn, newFields(book, options, nowMs))
  return { ...entry, copies: book.copies ?? options.copies, reason: 'import' }
}

const attemptsMax = 6

/** Tries again while the database is busy or away, a few times. @throws its error when it stays so */
export async function persistently<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work()
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
  madeReady: ReadonlyMap<string, NewBookEntry>,
): Promise<BatchResult> {
  const known = await changes.lock(books.map((book) => book.isbn))
  const added: NewBookEntry[] = []
  const changed: BookEntry[] = []
  const written = new Map<string, Written>()
  for (const book of books) {
    const row = known.get(book.isbn)
    if (row === undefined && book.title === undefined) continue
    const before = row === undefined ? undefined : fieldsOf(row)
    const asNew =
      before === undefined ? (madeReady.get(book.isbn) ?? newEntryOf(book, options, nowMs)) : undefined
    const fields = before === undefined ? asNew?.fields : merged(before, book, nowMs)
    const changesMade = fields === undefined || before === undefined ? [] : changesOf(before, fields)
    if (asNew !== undefined) added.push(asNew)
    else if (fields !== undefined) changed.push(entryOf(book.isbn, fields))
    const after = fields ?? before
    written.set(book.isbn, {
      kind: before === undefined ? 'new' : fields === undefined ? 'unchanged' : 'changed',
      isbn: book.isbn,
      title: after?.title ?? '',
      changes: changesMade,
      isWithoutPrice: after?.price === null,
      hasDefaultPrice: before === undefined && after?.price != null && book.price == null,
      copiesIgnored: options.stock !== 'set' && row !== undefined && differs(book.copies, row.copies),
      copiesSet: false,
      notes: [],
    })
  }
  if (!options.dryRun) {
    if (added.length > 0 && (await changes.add(added)) < added.length)
      throw new Overtaken('a book of the batch was added meanwhile')
    if (changed.length > 0) await replace(changes, changed, known, nowMs)
  }
  // Last, so that orders wait for these rows as shortly as can be.
  if (options.stock === 'set') await setStock({ changes, known, options, nowMs }, books, written)
  return written
}

const differs = (told: number | undefined, owned: number) => told !== undefined && told !== owned

function newFields(book: ImportedBook, options: ImportOptions, nowMs: number): BookFields {
  const told = toldOf(book, nowMs)
  const isSilent = book.price === undefined && book.priceIsUnreadable !== true
  return completed({ title: '', price: isSilent ? (options.price ?? null) : null, ...told })
}

/** The book's fields with those of the record, or nothing when they are the same. */
function merged(before: BookFields, book: ImportedBook, nowMs: number): BookFields | undefined {
  // A price without a word of its period that is in force already changes nothing, nor the periods.
  const { price, ...rest } = book
  const isInForce = book.prices === undefined && isDeepStrictEqual(price, before.price)
  const told = toldOf(isInForce ? rest : book, nowMs)
  const details = detailsAfter(before.details, book)
  const after = completed({ ...before, ...told, details })
  return isDeepStrictEqual(after, completed(before)) ? undefined : after
}

function detailsAfter(before: BookFields['details'], book: ImportedBook): BookFields['details'] {
  const { details, detailsTakenAway = [] } = book
  if (details === undefined && detailsTakenAway.length === 0) return before
  const kept = Object.entries(before).filter(([field]) => !(detailsTakenAway as string[]).includes(field))
  return { ...Object.fromEntries(kept), ...details }
}

/** What a record tells of a book's fields. A price without periods takes away those that were told before. */
function toldOf({ isbn: _isbn, copies: _copies, price, prices, ...book }: ImportedBook, nowMs: number) {
  const { priceIsUnreadable: _unreadable, detailsTakenAway: _takenAway, ...fields } = book
  const timed = prices ?? []
  return {
    ...fields,
    ...(price !== undefined && { price, prices: timed, priceChangesAt: nextChangeOf(timed, nowMs) }),
  }
}

const changesShownMax = 20
function changesOf(before: BookFields, after: BookFields): Written['changes'] {
  const fields = Object.keys(after) as (keyof BookFields)[]
  return fields
    .filter((field) => field !== 'priceChangesAt' && !isDeepStrictEqual(before[field], after[field]))
    .slice(0, changesShownMax)
    .map((field) => ({ field, from: shown(before[field]), to: shown(after[field]) }))
}
const shown = (value: unknown) =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, 200).toWellFormed()

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
