import { assert } from '#kernel/assert'
import type { SoldTitle } from '#services/catalog'
import type { PlacedOrder } from '#services/orders'
import type { Draft } from './member.ts'

/** What a group's titles are called and cost, to make orders of drafts with. */
export type PriceList = { placed(draft: Draft): PlacedOrder }

/** A title with the text of its line in an order, before and behind the quantity. */
type Priced = SoldTitle & { before: string; behind: string }

/** The text of a line is the same for all orders of a group but for its quantity, so it is made once. */
export function createPriceList(titles: readonly SoldTitle[]): PriceList {
  const byIsbn = new Map(titles.map((title) => [title.isbn, priced(title)]))
  return {
    placed({ id, keyHash, bodyHash, tokenHash, customer, lines }) {
      let amount = 0
      let currency = ''
      let text = ''
      let limits = noLimits
      for (const { isbn, quantity } of lines) {
        const title = byIsbn.get(isbn)
        assert(title !== undefined, 'a title that was reserved has a price')
        amount += quantity * title.unitPrice.amount
        currency = title.unitPrice.currency
        text += `${text === '' ? '' : ','}${title.before}${quantity}${title.behind}`
        if (title.perCustomer !== null)
          limits = [...limits, { isbn, quantity, perCustomer: title.perCustomer }]
      }
      const shown = `"customer":${JSON.stringify(customer)},"lines":[${text}],"total":{"amount":${amount},"currency":"${currency}"}`
      const details = `{${shown}${countedOf(limits)}}`
      const { email } = customer
      return { id, keyHash, bodyHash, tokenHash, email, free: amount === 0, limits, details }
    },
  }
}

/** The titles that count towards a limit of the customer's: only they may be given back to it. */
function countedOf(limits: PlacedOrder['limits']): string {
  return limits.length === 0 ? '' : `${countedKey}[${limits.map(({ isbn }) => `"${isbn}"`).join()}]`
}
const countedKey = ',"counted":'

/** What a reader sees of an order's details, as text between braces. */
export function shownOf({ details, limits }: Pick<PlacedOrder, 'details' | 'limits'>): string {
  return details.slice(1, limits.length === 0 ? -1 : details.lastIndexOf(countedKey))
}

const noLimits: PlacedOrder['limits'] = []

/** The line as JSON has it, cut open where its quantity is. */
function priced(title: SoldTitle): Priced {
  return {
    ...title,
    before: `{"isbn":${JSON.stringify(title.isbn)},"title":${JSON.stringify(title.title)},"quantity":`,
    behind: `,"unitPrice":${JSON.stringify(title.unitPrice)}}`,
  }
}
