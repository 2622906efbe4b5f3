import { isDeepStrictEqual } from 'node:util'
import { decimalOf } from '#kernel/money'
import type { BookFields } from '../books/book-fields.ts'
import { dayOf, endOfDate, lastDayBefore, startOfDate } from '../import/onix-dates.ts'
import type { PricePeriod, Shop } from '../import/source.ts'
import { element } from './onix-xml.ts'

/** What a reader pays, or that the price is not known yet. Source: ONIX for Books 3.1, P.26. */
export function supplyOf({ price, prices, details }: BookFields, shop: Shop): string {
  const supplier = element('Supplier', element('SupplierRole', '00') + element('SupplierName', 'Octavo'))
  // 99 says nothing of when the supplier has it.
  const availability = element('ProductAvailability', details.availability ?? '99')
  return element(
    'ProductSupply',
    element('SupplyDetail', supplier + availability + pricesOf(price, prices, shop)),
  )
}

function pricesOf(price: BookFields['price'], periods: readonly PricePeriod[], shop: Shop): string {
  if (periods.length > 0) return timed(periods, shop)
  if (price === null) return element('UnpricedItemType', '02')
  if (price.amount === 0 && price.currency === shop.currency) return element('UnpricedItemType', '01')
  return priceOf({ amount: price.amount, currency: price.currency ?? shop.currency }, '', '')
}

/**
 * Prices with their periods in the order in which they come first, of which those that end may have to be said to be for
 * a while. Periods that no days of the shop's time zone make are left out, and the price with them.
 */
function timed(periods: readonly PricePeriod[], shop: Shop): string {
  const dates = periods.map((period) => datesOf(period, shop.timeZone))
  if (dates.some((each) => each === undefined)) return ''
  const lasting = periods.findIndex(({ until }) => until === undefined)
  for (const forAWhile of [0, Math.max(lasting, 0)]) {
    const ordered = [periods.slice(0, forAWhile), periods.slice(forAWhile)].flatMap((part) =>
      part.toSorted((a, b) => (b.from ?? '').localeCompare(a.from ?? '')),
    )
    if (isDeepStrictEqual(ordered, periods))
      return periods.map((each, i) => priceOf(each, i < forAWhile ? '08' : '', dates[i] ?? '')).join('')
  }
  return ''
}

function priceOf({ amount, currency }: PricePeriod, qualifier: string, dates: string): string {
  return element(
    'Price',
    element('PriceType', '02') +
      (qualifier === '' ? '' : element('PriceQualifier', qualifier)) +
      element('PriceAmount', decimalOf({ amount, currency })) +
      element('CurrencyCode', currency) +
      dates,
  )
}

function datesOf({ from, until }: PricePeriod, timeZone: string): string | undefined {
  const first = from === undefined ? undefined : dayOf(from, timeZone)
  const last = until === undefined ? undefined : lastDayBefore(until, timeZone)
  if (first !== undefined && startOfDate(first, timeZone) !== from) return undefined
  if (last !== undefined && endOfDate(last, timeZone) !== until) return undefined
  const date = (role: string, day: string | undefined) =>
    day === undefined ? '' : element('PriceDate', element('PriceDateRole', role) + dateElement(day))
  return date('14', first) + date('15', last)
}

/** Source: ONIX code list 55. */
export function dateElement(date: string): string {
  const format = { 4: '05', 7: '01', 10: '00' }[date.length] ?? '00'
  return element('Date', date.replaceAll('-', ''), { dateformat: format })
}
