import { isCurrency } from '#kernel/currencies'
import { amountMax, decimalOf, minorDigitsOf } from '#kernel/money'
import type { OnixContext } from './onix-context.ts'
import { dateIn, dayOf, endOfDate, lastDayBefore, momentOf, readOnixDate, startOfDate } from './onix-dates.ts'
import type { OnixElement } from './onix-element.ts'
import { isForSaleIn, isMarketOf, placesOf, saleIn } from './onix-territory.ts'
import { priceAt } from './price-periods.ts'
import type { ImportedBook, PricePeriod } from './source.ts'

/**
 * What a reader pays, by rank: recommended, fixed and publisher's retail prices with tax, then without it, then prices
 * that do not say. What a shop pays its supplier is none, nor is a price for an occasion. Source: ONIX code list 58.
 */
const ranks: readonly (readonly string[])[] = [['02', '04', '34', '42'], ['01', '03', '33', '41'], ['']]
/** Prices for anybody, and those for anybody for a while. Source: ONIX code list 59. */
const forReaders = ['', '00', '05']
const forAWhile = ['08', '17']

/** In 2.1 words for whom a price is; what is not one of these is for some buyers only. */
const classesForReaders = /^(?:gen(?:eral)?|consumers?|retail|public|trade|all)$/i

/** Source: ONIX code list 57. */
const freeOfCharge = '01'

type PriceFields = Pick<ImportedBook, 'price' | 'prices' | 'priceIsUnreadable'>
type Candidate = { rank: number; period: PricePeriod; isFree?: boolean }

/**
 * The price of one copy for a reader in the shop's country, and when it is in force. Prices in the shop's currency come
 * before others; the amount always has a decimal point. Left out where the product tells of no retail price at all;
 * `null` where it says that there is none, or none that can be read.
 */
export function pricesOf(product: OnixElement, context: OnixContext): PriceFields {
  const { supplies, elsewhere } = suppliesOf(product, context)
  const elements = supplies.flatMap((supply) => supply.all('Price'))
  if (!isForSaleIn(product, context.shop.country)) {
    const all = [...supplies, ...elsewhere].flatMap((supply) => supply.all('Price'))
    context.notes.leftOut('price', amountsIn(all), `its rights are not for sale in ${context.shop.country}`)
    return { price: null, prices: [] }
  }
  const forOthers = elements.flatMap((price) => notForReaders(price, context) ?? [])
  const retail = elements.filter((price) => notForReaders(price, context) === undefined)
  const candidates = retail.flatMap((price) => candidateOf(price, context) ?? [])
  if (candidates.length === 0) {
    const others = elsewhere.flatMap((supply) => supply.all('Price'))
    if (others.length > 0) forOthers.push(`is not for ${context.shop.country}`)
    return unpriced([...supplies, ...retail], [...elements, ...others], forOthers, context)
  }
  const periods = inOneCurrency(candidates, context.shop.currency)
    .toSorted(byRank)
    .map(({ period }) => period)
  const now = priceAt(periods, context.nowMs)
  const isTimed = periods.some(({ from, until }) => from !== undefined || until !== undefined)
  if (now === null)
    context.notes.leftOut('price', amountsOf(periods, context.shop.timeZone), 'no price is in force today')
  return { price: now, prices: isTimed ? periods.slice(0, periodsMax) : [] }
}

const periodsMax = 50
/** `4.00 EUR until 2026-12-31`, as the file has it: to the last day and not to the moment after it. */
const amountsOf = (periods: readonly PricePeriod[], timeZone: string) =>
  periods
    .map(({ amount, currency, from, until }) =>
      [
        `${decimalOf({ amount, currency })} ${currency}`,
        ...(from === undefined ? [] : [`from ${dayOf(from, timeZone)}`]),
        ...(until === undefined ? [] : [`until ${lastDayBefore(until, timeZone)}`]),
      ].join(' '),
    )
    .join(', ')

/** Those in the shop's currency, else in that of the best; what is free of charge is so in each. */
function inOneCurrency(candidates: readonly Candidate[], currency: string): Candidate[] {
  const priced = candidates.filter(({ isFree }) => isFree !== true)
  const wanted = priced.some(({ period }) => period.currency === currency)
    ? currency
    : (priced.toSorted(byRank)[0] ?? candidates[0])?.period.currency
  return candidates.flatMap((each) => {
    if (each.period.currency === wanted || wanted === undefined) return [each]
    return each.isFree === true ? [{ ...each, period: { ...each.period, currency: wanted } }] : []
  })
}

/** Where several are in force at once, the one that began last comes first. */
const byRank = (a: Candidate, b: Candidate) =>
  a.rank - b.rank || (b.period.from ?? '').localeCompare(a.period.from ?? '')

/** Supply details for the market that the shop is in, and for others. */
function suppliesOf(product: OnixElement, { shop }: OnixContext) {
  const isHere = (block: OnixElement) => isMarketOf(block, shop.country)
  const blocks = product.all('ProductSupply')
  const details = (of: readonly OnixElement[]) => of.flatMap((block) => block.all('SupplyDetail'))
  return {
    supplies: details([product, ...blocks.filter(isHere)]),
    elsewhere: details(blocks.filter((block) => !isHere(block))),
  }
}

/** Why no reader of this shop pays a price for one copy; nothing where one does. */
function notForReaders(price: OnixElement, { header, shop }: OnixContext): string | undefined {
  const type = typeOf(price, header)
  if (rankOf(type) < 0) return `type ${type} is not what readers pay`
  const qualifier = price.value('PriceQualifier')
  if (![...forReaders, ...forAWhile].includes(qualifier))
    return `qualifier ${qualifier} is for some buyers only`
  const classOfTrade = price.value('ClassOfTrade') || header.classOfTrade || ''
  if (classOfTrade !== '' && !classesForReaders.test(classOfTrade))
    return `class of trade "${classOfTrade.slice(0, 40)}" is for some buyers only`
  if (territoryOf(price, shop.country) === 'excluded') return `is not for ${shop.country}`
  if (Number(price.value('MinimumOrderQuantity') || 1) > 1) return 'is for several copies at once'
  const conditions = price.all('PriceCondition').map((each) => each.value('PriceConditionType'))
  if (conditions.some((each) => each !== '00')) return 'is on a condition'
  return ['', '00'].includes(price.value('PricePer')) ? undefined : 'is not for a whole copy'
}

const typeOf = (price: OnixElement, header: OnixContext['header']) =>
  price.value('PriceType', 'PriceTypeCode') || header.priceType || ''
const rankOf = (type: string) => ranks.findIndex((types) => types.includes(type))
const territoryOf = (price: OnixElement, country: string) => saleIn(placesOf(price), country)

/** A price that a reader pays, with its period; nothing where it cannot be read, which is noted. */
function candidateOf(price: OnixElement, context: OnixContext): Candidate | undefined {
  const text = price.value('PriceAmount')
  const unpricedFor = text === '' ? price.value('UnpricedItemType') : ''
  if (text === '' && unpricedFor !== freeOfCharge) {
    if (unpricedFor === '') context.notes.leftOut('price', '', 'a price has no amount')
    return undefined
  }
  const isForAWhile = forAWhile.includes(price.value('PriceQualifier'))
  const dates = periodOf(price, context)
  if (dates === 'unreadable') return undefined
  if (isForAWhile && dates.until === undefined) {
    context.notes.leftOut('price', text, 'is an offer that does not say until when')
    return undefined
  }
  const isFree = unpricedFor === freeOfCharge
  const typeRank = isFree ? 0 : rankOf(typeOf(price, context.header))
  const money = isFree ? noMoney(price, context) : amountOf(price, text, typeRank === 1, context)
  if (money === undefined) return undefined
  const sale = territoryOf(price, context.shop.country)
  // The kind of price counts most, then whether it is meant for this country, then whether it is for a while.
  const rank = typeRank * 10 + (sale === 'included' ? 0 : sale === 'unsaid' ? 2 : 4) + (isForAWhile ? 0 : 1)
  return { rank, period: { ...money, ...dates }, ...(isFree && { isFree }) }
}

function noMoney(price: OnixElement, { header, shop }: OnixContext): { amount: number; currency: string } {
  const named = price.value('CurrencyCode').toUpperCase() || header.currency || shop.currency
  return { amount: 0, currency: isCurrency(named) ? named : shop.currency }
}

/** The amount of ONIX: digits with a decimal point, whatever the language. */
function amountOf(price: OnixElement, text: string, isWithoutTax: boolean, context: OnixContext) {
  const { notes, header, shop, findings } = context
  const named = price.value('CurrencyCode').toUpperCase()
  const currency = named || header.currency || shop.currency
  if (!isCurrency(currency)) {
    notes.leftOut('price', `${text} ${currency}`, `"${currency.slice(0, 20)}" is not a currency of ISO 4217`)
    return undefined
  }
  const digits = minorDigitsOf(currency)
  const plain = text
    .replace(/^(?:[A-Z]{3}|\p{Sc})\s*/u, '')
    .replace(/(?<=\d)[ ,](?=(?:\d{3}[ ,]?)+\.\d)/g, '')
  // A comma where the standard has a point can only be a decimal mark when it is not followed by three digits: `12,990`
  // may be either, and is none.
  const pointed = plain.replace(/^(\d+),(\d{1,2})$/, '$1.$2').replace(/^\.(?=\d)/, '0.')
  if (!/^\d{1,12}(?:\.\d{0,12})?$/.test(pointed)) {
    notes.leftOut(
      'price',
      text,
      `"${text.slice(0, 40)}" is not an amount of ONIX: digits with a decimal point`,
    )
    return undefined
  }
  const tax = isWithoutTax ? taxOf(price, Number(pointed)) : 0
  const exact = Number(pointed) + tax
  const amount = Math.round(exact * 10 ** digits + 1e-7)
  if (amount > amountMax) {
    notes.leftOut('price', text, 'is more than a price can be')
    return undefined
  }
  if (amount === 0)
    notes.repaired(
      'price',
      text,
      'free of charge',
      'look whether it is: ONIX has UnpricedItemType 01 for that',
    )
  else if (pointed !== text || Math.abs(Number(pointed) * 10 ** digits - amount) > 1e-6)
    notes.repaired(
      'price',
      text,
      decimalOf({ amount, currency }),
      tax > 0 ? 'the tax that the file states is added' : 'read to the currency’s decimals',
    )
  if (named === '')
    findings.noteDefault(
      'currency',
      `${currency} (${header.currency === undefined ? 'the shop’s' : 'the header’s'})`,
    )
  return { amount, currency }
}

/**
 * The tax that a price without tax states beside it: an amount, or a share of the part that is taxed, else of the whole.
 * Source: ONIX for Books 3.0, composite Tax; 2.1, TaxRatePercent1 and its neighbours.
 */
function taxOf(price: OnixElement, amount: number): number {
  const fields = ['TaxRatePercent', 'TaxableAmount', 'TaxAmount']
  const read = (element: OnixElement, suffix = '') =>
    fields.map((field) => Number(element.value(field + suffix)) || 0)
  const parts = [...price.all('Tax').map((tax) => read(tax)), read(price, '1'), read(price, '2')]
  const total = parts.reduce(
    (sum, [percent = 0, taxable = 0, tax = 0]) => sum + (tax || ((taxable || amount) * percent) / 100),
    0,
  )
  return total > 0 && total < amount ? total : 0
}

/** From the beginning of its first day to the end of its last, where the shop is. Source: ONIX code list 173. */
function periodOf(
  price: OnixElement,
  { shop, notes }: OnixContext,
): { from?: string; until?: string } | 'unreadable' {
  const dates = price.all('PriceDate').map((each) => ({ role: each.value('PriceDateRole'), ...dateIn(each) }))
  const old = [
    { role: '14', text: price.value('PriceEffectiveFrom'), format: '' },
    { role: '15', text: price.value('PriceEffectiveUntil'), format: '' },
  ]
  let from: string | undefined
  let until: string | undefined
  for (const { role, text, format } of [...dates, ...old.filter((each) => each.text !== '')]) {
    if (!['14', '15', '24'].includes(role)) continue
    const first = readOnixDate({ text, format })
    if (first.kind === 'error') {
      notes.leftOut('price', text, `a price’s date ${first.message}`)
      return 'unreadable'
    }
    const last = role === '24' ? readOnixDate({ text: text.slice(text.length / 2), format: '' }) : first
    const moment = role === '24' ? undefined : momentOf(text, shop.timeZone)
    if (role !== '15') from = moment ?? startOfDate(first.value, shop.timeZone)
    if (role !== '14' && last.kind === 'ok') until = moment ?? endOfDate(last.value, shop.timeZone)
  }
  return { ...(from !== undefined && { from }), ...(until !== undefined && { until }) }
}

/**
 * Source: ONIX code list 57: 01 is free of charge; every other reason means that the price is not known.
 * @param told what may give a reason: supplies, and the prices that are for readers
 */
function unpriced(
  told: readonly OnixElement[],
  prices: readonly OnixElement[],
  forOthers: readonly string[],
  { notes, shop, header }: OnixContext,
): PriceFields {
  const reasons = told.map((each) => each.value('UnpricedItemType')).filter(Boolean)
  if (reasons.includes(freeOfCharge)) {
    const currency =
      header.currency !== undefined && isCurrency(header.currency) ? header.currency : shop.currency
    return { price: { amount: 0, currency }, prices: [] }
  }
  if (reasons.length > 0) {
    notes.leftOut(
      'price',
      `UnpricedItemType ${reasons[0]}`,
      unpricedReasons[reasons[0] ?? ''] ?? 'the file gives no price',
    )
    return { price: null, prices: [] }
  }
  if (forOthers.length > 0) notes.leftOut('price', amountsIn(prices), [...new Set(forOthers)].join('; '))
  return prices.length > 0 ? { priceIsUnreadable: true } : {}
}

const amountsIn = (prices: readonly OnixElement[]) =>
  prices
    .map((price) => [price.value('PriceAmount'), price.value('CurrencyCode')].filter(Boolean).join(' '))
    .filter(Boolean)
    .join(', ')

const unpricedReasons: Readonly<Record<string, string>> = {
  '02': 'the price is to be announced',
  '03': 'is not sold separately',
  '04': 'the supplier is to be asked for the price',
  '05': 'is not sold as a set',
  '06': 'the price is a share of revenue',
  '07': 'the price is that of the contents',
  '08': 'the supplier does not supply it',
}
