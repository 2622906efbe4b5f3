import type { StockState } from '../books/availability.ts'
import { toAvailability } from '../books/book-row.ts'
import type { StockChanged } from '../contract.ts'

/** What tells everyone who watches these titles what can be had of them now. */
export function newsOf(titles: readonly (StockState & { isbn: string })[], nowMs: number): StockChanged {
  return { books: titles.map((title) => toAvailability(title, nowMs)) }
}
