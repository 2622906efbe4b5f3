import type { StockAnswer } from '#services/catalog'
import type { Order, OrderDetails, PlacedOrder, Settlement } from '#services/orders'

/** What one caller wants of the current group. */
export type Wish =
  | { kind: 'place'; draft: Draft }
  | { kind: 'settle'; settlement: Settlement }
  | { kind: 'set-copies'; isbn: string; copies: number; reason: string | null }

/** An order before its titles and prices are known. */
export type Draft = Pick<PlacedOrder, 'id' | 'keyHash' | 'bodyHash' | 'tokenHash'> & {
  customer: { name: string; email: string }
  lines: { isbn: string; quantity: number }[]
  /** Where it was placed, for reports. */
  channel?: string
}

/** What becomes of a wish. */
export type WishOutcome =
  /** `expiresAt` in ms since 1970. */
  | { kind: 'placed'; order: PlacedOrder; details: OrderDetails; expiresAt: number }
  | { kind: 'replayed'; order: Order; tokenHash?: string | undefined }
  /** The key was used before with another body. */
  | { kind: 'key-reused' }
  | { kind: 'settled'; orderId: string; already: boolean }
  | { kind: 'stale'; orderId: string }
  | { kind: 'stock'; answer: StockAnswer }

/** A wish waiting in a group. */
export type Member = {
  readonly wish: Wish
  /** On the monotonic clock: whoever is not in a group by then gets no other. */
  readonly giveUpAt: number
  resolve(outcome: WishOutcome): void
  reject(error: Error): void
}
