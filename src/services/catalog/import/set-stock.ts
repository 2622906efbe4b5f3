import type { BookRow } from '../books/book-row.ts'
import { newsOf } from '../stock/news.ts'
import type { BookChanges } from '../store/book-store.ts'
import type { ImportedBook, ImportOptions } from './source.ts'
import type { Written } from './written.ts'

type Setting = {
  changes: BookChanges
  known: ReadonlyMap<string, BookRow>
  options: ImportOptions
  nowMs: number
}

/**
 * Sets the copies owned of known books to what their records say, with an entry in the ledger each; fewer than are held
 * and sold cannot be owned. What was done is added to `written`.
 */
export async function setStock(
  { changes, known, options, nowMs }: Setting,
  books: readonly ImportedBook[],
  written: ReadonlyMap<string, Written>,
): Promise<void> {
  const wanted = new Map(
    books.flatMap(({ isbn, copies }) =>
      copies !== undefined && known.has(isbn) && known.get(isbn)?.copies !== copies ? [[isbn, copies]] : [],
    ),
  )
  if (wanted.size === 0) return
  const stock = options.dryRun ? known : await changes.lockStock([...wanted.keys()])
  const moves: { isbn: string; copies: number }[] = []
  for (const [isbn, copies] of wanted) {
    const row = stock.get(isbn)
    const entry = written.get(isbn)
    if (row === undefined || entry === undefined || row.copies === copies) continue
    const least = row.held + row.sold
    if (copies < least) {
      const message = `${row.held} copies are held and ${row.sold} sold, so that no fewer than ${least} can be owned`
      entry.notes.push({ field: 'copies', kind: 'left-out', from: String(copies), message })
      continue
    }
    entry.changes.push({ field: 'copies', from: String(row.copies), to: String(copies) })
    entry.copiesSet = true
    if (entry.kind === 'unchanged') entry.kind = 'changed'
    moves.push({ isbn, copies: copies - row.copies })
  }
  if (options.dryRun || moves.length === 0) return
  await changes.moveCopies(moves, 'import')
  const after = await changes.lock(moves.map(({ isbn }) => isbn))
  await changes.announce(newsOf([...after.values()], nowMs))
}
