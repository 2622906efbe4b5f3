import type { Book } from '#services/gateway'
import type { CartLine } from './cart.ts'

/** How a line of the cart stands against the shop right now. */
export type LineState =
  | { kind: 'loading' }
  | { kind: 'fine' }
  /** Fewer are left than wanted. */
  | { kind: 'short'; available: number }
  | { kind: 'sold-out' }
  | { kind: 'upcoming'; opensAt: string | null }
  /** The shop has no such book any more. */
  | { kind: 'gone' }

/**
 * @param book what the shop says; `missing` when it knows no such book, undefined while it has not answered
 */
export function lineState(line: Pick<CartLine, 'quantity'>, book: Book | 'missing' | undefined): LineState {
  if (book === undefined) return { kind: 'loading' }
  if (book === 'missing') return { kind: 'gone' }
  const { available, status } = book.availability
  if (status === 'upcoming') return { kind: 'upcoming', opensAt: book.salesOpenAt }
  if (available <= 0) return { kind: 'sold-out' }
  return available < line.quantity ? { kind: 'short', available } : { kind: 'fine' }
}

/** Whether an order with this line could be placed as things stand; an unknown one is left for the shop to judge. */
export const isOrderable = (state: LineState) => state.kind === 'fine' || state.kind === 'loading'
