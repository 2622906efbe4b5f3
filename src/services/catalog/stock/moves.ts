import type { SeenTitle, StockDelta, StockMoves } from '../store/stock-store.ts'
import type { Allotted, Title } from './allot.ts'
import { newsOf } from './news.ts'

/**
 * What a group was allotted, as the store is to carry it out: movements, their sums, and the news.
 * @param titles as they are left
 * @param expected how the only title has to be found, if it is not locked
 */
export function movesOf(
  { movements }: Allotted,
  titles: ReadonlyMap<string, Title>,
  nowMs: number,
  expected: SeenTitle | undefined,
): StockMoves {
  const sums = sumByTitle(movements)
  const moved = sums.map(({ isbn }) => titles.get(isbn) as Title)
  return { movements, sums, news: newsOf(moved, nowMs), ...(expected !== undefined && { expected }) }
}

function sumByTitle(movements: readonly StockDelta[]): StockDelta[] {
  const sums = new Map<string, StockDelta>()
  for (const { isbn, copies, held, sold } of movements) {
    const sum = sums.get(isbn)
    if (sum === undefined) sums.set(isbn, { isbn, copies, held, sold })
    else {
      sum.copies += copies
      sum.held += held
      sum.sold += sold
    }
  }
  return [...sums.values()]
}
