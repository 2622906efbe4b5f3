import type { Clock } from '#ports/clock'
import type { BookRow } from '../books/book-row.ts'
import type { BookChanges, BookStore } from '../store/book-store.ts'
import type { ImportOptions } from './source.ts'
import { persistently } from './write-batch.ts'
import type { Written } from './written.ts'

export type Removal = { kind: 'written'; written: Written } | { kind: 'kept'; message: string }

/**
 * Takes books out of the catalogue that nobody owns, holds or has bought a copy of; one that has copies stays, for a
 * bookseller to decide on. One that is not there is already as it should be.
 */
export const removeBooks = (
  store: BookStore,
  isbns: readonly string[],
  options: ImportOptions,
  clock: Clock,
): Promise<ReadonlyMap<string, Removal>> =>
  persistently(clock, () => store.change((changes) => remove(changes, isbns, options)))

async function remove(
  changes: BookChanges,
  isbns: readonly string[],
  { dryRun }: ImportOptions,
): Promise<ReadonlyMap<string, Removal>> {
  const known = await changes.lock(isbns)
  const removals = new Map<string, Removal>()
  for (const isbn of isbns.toSorted()) {
    if (!known.has(isbn)) {
      removals.set(isbn, { kind: 'written', written: writtenOf(isbn, 'unchanged', '') })
      continue
    }
    const book = dryRun ? known.get(isbn) : await changes.lockWithStock(isbn)
    if (book === undefined) continue
    const message = keptBy(book)
    if (message === undefined && !dryRun) await changes.remove(book)
    removals.set(
      isbn,
      message === undefined
        ? { kind: 'written', written: writtenOf(isbn, 'removed', book.title) }
        : { kind: 'kept', message },
    )
  }
  return removals
}

function keptBy({ copies, held, sold }: BookRow): string | undefined {
  if (copies + held + sold === 0) return undefined
  return `asks to delete the book, which stays: ${copies} copies are owned, ${held} held, ${sold} sold`
}

const writtenOf = (isbn: string, kind: Written['kind'], title: string): Written => ({
  ...{ kind, isbn, title, changes: [], notes: [] },
  ...{ isWithoutPrice: false, hasDefaultPrice: false, copiesIgnored: false, copiesSet: false },
})
