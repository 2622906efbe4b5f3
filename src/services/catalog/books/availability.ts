import type { Availability } from '../contract.ts'

/** What decides whether a copy can be had now. */
export type StockState = {
  copies: number
  held: number
  sold: number
  limited: boolean
  salesOpenAt: Date | null
  /** Minor units; null where the price is not known, and nothing is sold. */
  priceAmount: number | null
}

const lowCopies = 5
const lowShareOfLimited = 0.1

export function availableOf(stock: Pick<StockState, 'copies' | 'held' | 'sold'>): number {
  return stock.copies - stock.held - stock.sold
}

/** A limited edition is low at a tenth of its run as well, because there five copies may be all there ever were. */
export function statusOf(stock: StockState, nowMs: number): Availability['status'] {
  if (stock.priceAmount === null) return 'upcoming'
  if (stock.salesOpenAt !== null && stock.salesOpenAt.getTime() > nowMs) return 'upcoming'
  const available = availableOf(stock)
  if (available <= 0) return 'sold-out'
  if (available <= lowCopies) return 'low'
  if (stock.limited && available <= stock.copies * lowShareOfLimited) return 'low'
  return 'in-stock'
}
