import { setImmediate } from 'node:timers/promises'
import type { Clock } from '#ports/clock'
import { ConstraintViolation } from '#ports/database'
import { type BookStore, type NewBookEntry, Unstorable } from '../store/book-store.ts'
import { removeBooks } from './remove-books.ts'
import type { ImportCounts, ImportedBook, ImportFault, ImportOptions, Note, SourceRecord } from './source.ts'
import { newEntryOf, writeBatch } from './write-batch.ts'
import type { Written } from './written.ts'

export type ImportHooks = {
  /** Called after each batch of records read, taken or not, with the counts so far. */
  onProgress?: (counts: Readonly<ImportCounts>) => Promise<void> | void
  /** Called for each record whose values were changed or left out. */
  onNotes?: (record: SourceRecord, notes: readonly Note[]) => void
  /** Called for each record that was taken, with what it did. */
  onWritten?: (record: SourceRecord, written: Written) => void
  /** Called once for each record that was not taken. */
  onRejected?: (fault: ImportFault) => void
  /** Ends the import between two batches. */
  signal?: AbortSignal
}

const batchSize = 500
/** After so many records read the database's answers are taken, so that it never waits for a whole batch to be read. */
const recordsInATurn = 20

/**
 * Takes every record of a file into the catalogue, batch by batch; a record that cannot be taken is reported and left
 * out. What was written stays when the file turns out to be damaged further on.
 * @throws UnreadableFile from the source; the database's error when it stays away; the signal's reason
 */
export async function runImport(
  store: BookStore,
  clock: Clock,
  source: AsyncIterable<SourceRecord>,
  options: ImportOptions,
  hooks: ImportHooks = {},
): Promise<ImportCounts> {
  const counts: ImportCounts = { read: 0, created: 0, updated: 0, unchanged: 0, rejected: 0 }
  const writing: Writing = { store, clock, options, counts, hooks }
  const seen = new Map<string, number>()
  let read = 0
  let batch = emptyBatch()
  const inBatch = new Set<string>()
  // One batch is written while the next one is read, in the file's order.
  let before: Promise<void> = Promise.resolve()
  const flush = async () => {
    const taken = batch
    batch = emptyBatch()
    inBatch.clear()
    await before
    hooks.signal?.throwIfAborted()
    before = writeAll(writing, taken, read)
    // Its failure is that of the next flush, or of the end.
    before.catch(() => undefined)
  }
  try {
    for await (const entry of source) {
      read++
      if (entry.kind === 'wrong') batch.faults.push(faultOf(entry, entry.message, entry.field))
      else {
        const isbn = isbnOf(entry)
        const title = entry.kind === 'book' ? entry.book.title : undefined
        const mayRepeat = entry.mayRepeat === true || title === undefined
        const earlier = mayRepeat ? undefined : seen.get(isbn)
        if (earlier !== undefined)
          batch.faults.push(faultOf(entry, `repeats the ISBN ${isbn} of line ${earlier}`, 'isbn'))
        else {
          // A batch holds a book once; what a later record says of it is written after it.
          if (inBatch.has(isbn)) await flush()
          inBatch.add(isbn)
          if (title !== undefined && entry.mayRepeat !== true) seen.set(isbn, entry.line ?? entry.record)
          batch.entries.push(entry)
          makeReady(writing, batch, entry)
        }
      }
      if (read % recordsInATurn === 0) await setImmediate()
      if (read % batchSize === 0) await flush()
    }
  } finally {
    // The records before a cut are good ones: they are taken before the cut is told.
    if (hooks.signal?.aborted !== true) await flush()
    await before
  }
  hooks.signal?.throwIfAborted()
  return counts
}

/**
 * Makes what a record will be written as when its book is new, while the batch before it is still being written: half of
 * an import's own work. Nothing where the books so far were mostly known, as it would be for nothing.
 */
function makeReady({ options, clock, counts }: Writing, { madeReady }: Batch, entry: Entry): void {
  const isLikelyNew = counts.created >= counts.updated + counts.unchanged
  if (options.dryRun !== true && isLikelyNew && entry.kind === 'book' && entry.book.title !== undefined)
    madeReady.set(entry.book.isbn, newEntryOf(entry.book, options, clock.now()))
}

const untitled = 'is missing, and there is no book with this ISBN that could be changed'

type BookEntry = Extract<SourceRecord, { kind: 'book' }>
type Deletion = Extract<SourceRecord, { kind: 'deletion' }>
type Entry = BookEntry | Deletion
/** What was read and is not yet written, or told to be wrong. */
type Batch = { entries: Entry[]; faults: ImportFault[]; madeReady: Map<string, NewBookEntry> }
const emptyBatch = (): Batch => ({ entries: [], faults: [], madeReady: new Map() })

const isbnOf = (entry: Entry) => (entry.kind === 'book' ? entry.book.isbn : entry.isbn)

type Writing = {
  store: BookStore
  clock: Clock
  options: ImportOptions
  counts: ImportCounts
  hooks: ImportHooks
}

/** @param read how many records had been read when the batch was whole */
async function writeAll(
  writing: Writing,
  { entries, faults, madeReady }: Batch,
  read: number,
): Promise<void> {
  for (const fault of faults) reject(writing, fault)
  await writeSplitting(
    writing,
    entries.filter((each) => each.kind === 'book'),
    madeReady,
  )
  await removeAll(
    writing,
    entries.filter((each) => each.kind === 'deletion'),
  )
  writing.counts.read = read
  await writing.hooks.onProgress?.(writing.counts)
}

function reject({ counts, hooks }: Writing, fault: ImportFault): void {
  counts.rejected++
  hooks.onRejected?.(fault)
}

/** A record that the database refuses is found by halving its batch, so that its neighbours are taken. */
async function writeSplitting(
  writing: Writing,
  entries: readonly BookEntry[],
  madeReady: ReadonlyMap<string, NewBookEntry>,
): Promise<void> {
  if (entries.length === 0) return
  const { store, clock, options, hooks } = writing
  const books: ImportedBook[] = entries.map((entry) => entry.book)
  try {
    const result = await writeBatch(store, books, options, clock, madeReady)
    for (const entry of entries) {
      const written = result.get(entry.book.isbn)
      if (written === undefined) {
        reject(writing, faultOf(entry, untitled, 'title'))
        continue
      }
      const notes = [...(entry.notes ?? []), ...written.notes]
      if (notes.length > 0) hooks.onNotes?.(entry, notes)
      count(writing, entry, written)
    }
  } catch (error) {
    if (!isAboutData(error)) throw error
    if (entries.length === 1 && entries[0] !== undefined) {
      reject(
        writing,
        faultOf(entries[0], `could not be stored: ${error instanceof Error ? error.message : error}`),
      )
      return
    }
    const half = entries.length >> 1
    await writeSplitting(writing, entries.slice(0, half), madeReady)
    await writeSplitting(writing, entries.slice(half), madeReady)
  }
}

async function removeAll(writing: Writing, entries: readonly Deletion[]): Promise<void> {
  if (entries.length === 0) return
  const { store, options, clock } = writing
  const isbns = entries.map(({ isbn }) => isbn)
  const removals = await removeBooks(store, isbns, options, clock)
  for (const entry of entries) {
    const removal = removals.get(entry.isbn)
    if (removal?.kind === 'kept') reject(writing, faultOf(entry, removal.message, 'NotificationType'))
    else if (removal !== undefined) count(writing, entry, removal.written)
  }
}

function count({ counts, hooks }: Writing, entry: Entry, written: Written): void {
  if (written.kind === 'new') counts.created++
  else if (written.kind === 'unchanged') counts.unchanged++
  else counts.updated++
  hooks.onWritten?.(entry, written)
}

/** Whether other records may fare better. */
const isAboutData = (error: unknown) => error instanceof ConstraintViolation || error instanceof Unstorable

function faultOf({ record, line }: SourceRecord, message: string, field?: string): ImportFault {
  return { record, ...(line !== undefined && { line }), ...(field !== undefined && { field }), message }
}
