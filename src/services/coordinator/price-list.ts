import { assert } from '#kernel/assert'
import type { SoldTitle } from '#services/catalog'
import type { OrderDetails, PlacedOrder } from '#services/orders'
import type { Draft } from './member.ts'

/** A draft with what its titles are called and cost: as it goes into OrderDb, and as its reader sees it. */
export type PricedOrder = { order: PlacedOrder; details: OrderDetails }

/** What a group's titles are called and cost, to make orders of drafts with. */
export type PriceList = { priced(draft: Draft): PricedOrder }

export function createPriceList(titles: readonly SoldTitle[]): PriceList {
  const byIsbn = new Map(titles.map((title) => [title.isbn, title]))
  return {
    priced({ id, keyHash, bodyHash, tokenHash, customer, lines, channel }) {
      const total = { amount: 0, currency: '' }
      const limits: PlacedOrder['limits'][number][] = []
      const details: OrderDetails = { customer, lines: [], total }
      for (const { isbn, quantity } of lines) {
        const title = byIsbn.get(isbn)
        assert(title !== undefined, 'a title that was reserved has a price')
        const { unitPrice, perCustomer } = title
        details.lines.push({ isbn, title: title.title, quantity, unitPrice })
        total.amount += quantity * unitPrice.amount
        total.currency = unitPrice.currency
        if (perCustomer !== null) limits.push({ isbn, quantity, perCustomer })
      }
      const free = total.amount === 0
      const more = {
        ...(limits.length > 0 && { counted: isbnsOf(limits) }),
        ...(channel !== undefined && { channel }),
      }
      const stored = JSON.stringify({ ...details, ...more })
      const order = { id, keyHash, bodyHash, tokenHash, email: customer.email, free, limits, details: stored }
      return { order, details }
    },
  }
}

/** The titles that count towards a limit of the customer's: only they may be given back to it. */
const isbnsOf = (limits: PlacedOrder['limits']) => limits.map(({ isbn }) => isbn)
