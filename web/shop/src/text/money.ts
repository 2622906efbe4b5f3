import { formatMoney, type Money } from '#kernel/money'
import { locale } from './locale.ts'

/** A price as readers read it: `12,50 €` by their locale, `Free` for nothing, and words for none. */
export function priceText(money: Money | null, inLocale: string = locale()): string {
  if (money === null) return 'Price not known yet'
  return money.amount === 0 ? 'Free' : formatMoney(money, inLocale)
}

/** What some copies cost together. Amounts stay integers of minor units. */
export const times = (price: Money, quantity: number): Money => ({
  amount: price.amount * quantity,
  currency: price.currency,
})

/** Sums per currency, in the order they first appear: one entry for nearly every cart. */
export function totals(prices: readonly Money[]): Money[] {
  const byCurrency = new Map<string, number>()
  for (const price of prices)
    byCurrency.set(price.currency, (byCurrency.get(price.currency) ?? 0) + price.amount)
  return [...byCurrency].map(([currency, amount]) => ({ currency, amount }))
}

/**
 * Reads what a reader typed as a price (`12`, `12.50`, `12,5`) into minor units of a currency with two digits.
 * @returns undefined when it is not an amount
 */
export function minorUnits(text: string): number | undefined {
  const match = /^\s*(\d{1,6})(?:[.,](\d{1,2}))?\s*$/.exec(text)
  if (!match) return undefined
  return Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'))
}
