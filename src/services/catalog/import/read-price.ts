import { isCurrency } from '#kernel/currencies'
import { amountMax, type Money, minorDigitsOf } from '#kernel/money'
import { type Read, read, startOf, unreadable } from './read-values.ts'

export type DecimalMark = '.' | ',' | undefined

export type PriceContext = {
  /** What a price is in that names no currency itself. */
  currency: string
  /** What the shop sells in, for a symbol that several currencies share. */
  wanted: string
  /** What three digits after a mark mean, where the file shows it. */
  mark: DecimalMark
  /** The shop's, where it is told: a price may name the country it is for. */
  country?: string
  /** Whether only what lies between the file's values shows the mark, and no price of its column. */
  isMarkOfFormat?: boolean
}

/**
 * A price as files write it: `12.50`, `€ 1.250,00`, `US$12.99`, `12,-`, `129,00 zł`, `RRP 9.99`. A mark with three
 * digits after it is read by what the file shows elsewhere; a word that is no part of a price makes it none.
 */
export function readPrice(given: string, context: PriceContext): Read<Money> {
  const text = given.normalize('NFKC').replace(/\s+/g, ' ').trim().slice(0, 100)
  // An amount in brackets is one below zero, or a remark.
  if (!/\d/.test(text.replace(/\([^()]*\)/g, ''))) return unreadable(`"${startOf(given)}" is not a price`)
  const country = countryIn(text)
  if (country !== undefined && context.country !== '' && country !== context.country)
    return unreadable(`"${startOf(given)}" is a price for ${country}`)
  const { rest, found } = currencyIn(withoutPriceWords(withoutCountry(text)), context)
  if (found.kind === 'error') return { kind: 'error', message: `"${startOf(given)}" ${found.message}` }
  const currency = found.value
  const amount = amountOf(rest, currency, context.mark)
  if (typeof amount === 'string') return unreadable(`"${startOf(given)}" ${amount}`)
  if (amount > amountMax) return unreadable(`"${startOf(given)}" is more than a price can be`)
  const isOpen = context.isMarkOfFormat === true && isThreeAfterMark(rest) && minorDigitsOf(currency) !== 3
  return read({ amount, currency }, found.repaired ?? (isOpen ? byFormat(context.mark) : undefined))
}

/** `12.500` and `12,500`: a decimal mark, or one of thousands. */
const isThreeAfterMark = (text: string) => /^\d{1,3}[.,]\d{3}$/.test(text)

const byFormat = (mark: DecimalMark) =>
  `"${mark}" is taken for the decimal mark, as such files have it; write prices with two decimals to be sure`

/** The currency that a word, a symbol or a code alone stands for. */
export function readCurrency(given: string, wanted: string): Read<string> {
  const { rest, found } = currencyIn(given.normalize('NFKC').trim(), { currency: '', wanted })
  if (found.kind === 'error' || found.value === '' || rest !== '')
    return unreadable(`"${startOf(given)}" is not a currency of ISO 4217`)
  return found
}

/** What a price may carry beside its amount: what kind it is, and that tax is in it. */
const priceWords =
  /(?<!\p{L})(?:rrp|msrp|srp|uvp|pvp|lvp|ttc|inkl|incl|including|included|inc|brutto|vat|mwst|ust|iva|tva|moms|btw|gst|tax|retail|price|preis|prix|precio|prezzo|ca|only|nur)(?!\p{L})\.?:?/giu

const withoutPriceWords = (text: string) =>
  text
    // "12€99" is how French shops write it; "US $" is one word.
    .replace(/(\d) ?(\p{Sc}) ?(\d\d)$/u, '$1,$3 $2')
    .replace(/(?<!\p{L})(\p{L}{1,3}) (\p{Sc})/gu, (both, letters: string, symbol: string) =>
      words[(letters + symbol).toLowerCase()] === undefined ? both : letters + symbol,
    )
    .replace(priceWords, ' ')
    .replace(/[()*]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()

/** `(D)`, `[DE]`: the country a price is for. German lists call two of them by one letter. */
const countryPattern = /[([] ?([A-Z]{1,2}) ?[)\]]/g
const countries: Readonly<Record<string, string>> = { D: 'DE', A: 'AT' }

/** The one country that a price or a column of prices names, ISO 3166-1 alpha-2. */
export function countryIn(text: string): string | undefined {
  const found = [...text.matchAll(countryPattern)].map(([, code = '']) => countries[code] ?? code)
  return found.length === 1 && found[0]?.length === 2 ? found[0] : undefined
}

export const withoutCountry = (text: string) =>
  countryIn(text) === undefined ? text : text.replace(countryPattern, ' ')

const words: Readonly<Record<string, string>> = {
  euro: 'EUR',
  euros: 'EUR',
  zł: 'PLN',
  zl: 'PLN',
  kč: 'CZK',
  ft: 'HUF',
  rs: 'INR',
  'fr.': 'CHF',
  sfr: 'CHF',
  лв: 'BGN',
  руб: 'RUB',
  lei: 'RON',
  tl: 'TRY',
  us$: 'USD',
  usd$: 'USD',
  c$: 'CAD',
  ca$: 'CAD',
  cad$: 'CAD',
  a$: 'AUD',
  au$: 'AUD',
  aud$: 'AUD',
  nz$: 'NZD',
  hk$: 'HKD',
  s$: 'SGD',
  nt$: 'TWD',
  r$: 'BRL',
  mx$: 'MXN',
  '£': 'GBP',
  '€': 'EUR',
  '¥': 'JPY',
  '₩': 'KRW',
  '₹': 'INR',
  '₽': 'RUB',
  '₺': 'TRY',
  '₴': 'UAH',
  '₪': 'ILS',
  '₫': 'VND',
  '₱': 'PHP',
  '₦': 'NGN',
  '₵': 'GHS',
  '₡': 'CRC',
  '₲': 'PYG',
  '₸': 'KZT',
  '₭': 'LAK',
  '₮': 'MNT',
  '₾': 'GEL',
  '฿': 'THB',
}
const kronor = ['SEK', 'NOK', 'DKK', 'ISK']
const rupees = ['INR', 'PKR', 'LKR', 'NPR', 'MUR', 'SCR']

type Found = { rest: string; found: Read<string> }

/** Takes the currency out of a price; the context's where the price has none. */
function currencyIn(text: string, { currency, wanted }: Pick<PriceContext, 'currency' | 'wanted'>): Found {
  let known: string | undefined
  let repaired: string | undefined
  let problem: string | undefined
  const rest = text
    .replace(/\p{L}*\p{Sc}|\p{L}+\.?/gu, (token) => {
      const word = token.toLowerCase()
      const bare = word.replace(/\.$/, '')
      const code = bare.toUpperCase()
      const symbol = /\p{Sc}$/u.exec(token)?.[0]
      let meant: string | undefined
      if (isCurrency(code)) meant = code
      else if (bare === 'kr') {
        meant = kronor.includes(wanted) ? wanted : 'SEK'
        if (meant !== wanted) repaired = `"kr" is read as ${meant}; give the currency if it is another`
      } else if (bare === 'rs' && rupees.includes(wanted)) meant = wanted
      else if (symbol === token && currency !== '' && symbol === symbolOf(currency)) meant = currency
      else if (symbol === token && symbol === symbolOf(wanted)) meant = wanted
      else meant = words[word] ?? words[bare]
      if (meant === undefined) {
        problem ??=
          symbol === token
            ? `does not say which currency ${symbol} stands for`
            : `holds "${token.slice(0, 20)}", which is no currency of ISO 4217`
        return ' '
      }
      // "£8.99 GBP" says it twice; two different ones say nothing.
      if (known !== undefined && known !== meant) {
        if (symbol === token) return ' '
        if (!wasSymbol(text, known)) problem ??= `names two currencies, ${known} and ${meant}`
      }
      known = meant
      return ' '
    })
    .replace(/\s+/g, ' ')
    .trim()
  if (problem !== undefined) {
    // "$12.99 USD": the code says which dollar it is.
    const isTold = known !== undefined && /^does not say/.test(problem)
    const isGiven = currency !== '' && /^does not say/.test(problem) && sharesSymbol(text, currency)
    if (!isTold && !isGiven) return { rest, found: unreadable(problem) }
  }
  return { rest, found: read(known ?? currency, repaired) }
}

const wasSymbol = (text: string, currency: string) =>
  Object.entries(words).some(([word, code]) => code === currency && text.toLowerCase().includes(word))

/** A column or a header that names a dollar says which one "$" is. */
function sharesSymbol(text: string, currency: string): boolean {
  const symbol = /\p{Sc}/u.exec(text)?.[0]
  return symbol !== undefined && symbol === symbolOf(currency)
}

const symbolOf = (currency: string) =>
  new Intl.NumberFormat('en', { style: 'currency', currency, currencyDisplay: 'narrowSymbol' })
    .formatToParts(0)
    .find(({ type }) => type === 'currency')?.value

/** Minor units, or why the text is no amount. */
function amountOf(given: string, currency: string, mark: DecimalMark): number | string {
  const noPrice = `is not a price in ${currency}`
  const text = given
    .replace(/[.,:]?\s*\/?[-\u2013\u2014]{1,2}$/, '')
    .replace(/(?<=\d)['\u2019 ](?=\d{3}(?!\d))/g, '')
    // ".99" can be nothing else, and India groups by two: "1,23,456.00".
    .replace(/^[.,](?=\d{1,2}$)/, '0.')
    .replace(/^\d{1,2}(?:,\d\d)+,\d{3}(?=\.\d|$)/, (grouped) => grouped.replaceAll(',', ''))
  if (!/^\d[\d.,]*$/.test(text)) return noPrice
  const digits = minorDigitsOf(currency)
  const split = splitAmount(text, digits, mark)
  if (split === 'ambiguous')
    return `may be a price with three decimals or a thousand of them; write it with two decimals`
  if (split === undefined || !/^\d{1,12}$/.test(split.whole)) return noPrice
  if (/[^0]/.test(split.decimals.slice(digits))) return noPrice
  return Number(split.whole + split.decimals.slice(0, digits).padEnd(digits, '0'))
}

type Split = { whole: string; decimals: string } | 'ambiguous' | undefined

function splitAmount(text: string, digits: number, mark: DecimalMark): Split {
  const last = Math.max(text.lastIndexOf('.'), text.lastIndexOf(','))
  if (last < 0) return { whole: text, decimals: '' }
  const sign = text[last]
  const other = sign === '.' ? ',' : '.'
  const decimals = text.slice(last + 1)
  const before = text.slice(0, last)
  const asThousands = (): Split =>
    isGrouped(text) ? { whole: text.replace(/[.,]/g, ''), decimals: '' } : undefined
  if (before.includes(other))
    return isGrouped(before) ? { whole: before.replace(/[.,]/g, ''), decimals } : undefined
  if (before.includes(sign ?? '')) return asThousands()
  if (decimals.length !== 3) return { whole: before, decimals }
  if (mark !== undefined) return mark === sign ? { whole: before, decimals } : asThousands()
  return digits === 3 ? { whole: before, decimals } : 'ambiguous'
}

const isGrouped = (text: string) => /^\d{1,3}(?:\.\d{3})+$|^\d{1,3}(?:,\d{3})+$/.test(text)

/** The decimal mark that a column's prices show, where all that show one agree. */
export function decimalMarkOf(texts: Iterable<string>): DecimalMark {
  let points = 0
  let commas = 0
  for (const text of texts) {
    const sign = /\d([.,])(?:\d{1,2}|\d{4,})(?!\d)(?!.*\d[.,]\d)/.exec(text)?.[1]
    if (sign === '.') points++
    if (sign === ',') commas++
  }
  if (points > 0 === commas > 0) return undefined
  return points > 0 ? '.' : ','
}
