import { parseIsbn } from '#kernel/isbn'
import { minorDigitsOf } from '#kernel/money'
import { isDate } from '../books/book-fields.ts'

/** One value read from a cell, or why it cannot be. */
export type Read<T> = { kind: 'ok'; value: T } | { kind: 'error'; message: string }
const ok = <T>(value: T): Read<T> => ({ kind: 'ok', value })
const wrong = (message: string): Read<never> => ({ kind: 'error', message })

/** Enough of a value to find it by, cut between two characters: half of one cannot be stored. */
const startOf = (text: string) => text.slice(0, 40).replace(/[\uD800-\uDBFF]$/, '')

/**
 * An ISBN from the cells that may hold it, the first that is one counts. Leading zeros that a spreadsheet dropped are
 * put back, and the check digit tells whether that was right; digits that it rounded away cannot be.
 */
export function readIsbn(cells: readonly { name: string; text: string }[]): Read<string> {
  const filled = cells.filter(({ text }) => text !== '')
  const problems: string[] = []
  for (const { name, text } of filled) {
    const plain = text.replace(/^="?|"$/g, '').replace(/\.0+$/, '')
    const rounded = /^\d(?:[.,]\d+)?e\+?\d+$/i.test(plain)
    const parsed = parseIsbn(/^\d{6,8}[\dXx]$/.test(plain) ? plain.padStart(10, '0') : plain)
    if (!rounded && parsed.kind === 'ok') return ok(parsed.isbn)
    const why = rounded
      ? 'is a rounded number that has lost its last digits'
      : parsed.kind === 'error' && parsed.message
    problems.push(`${name === 'isbn' ? '' : `${name} `}"${startOf(text)}" ${why}`)
  }
  if (filled.length === 0) return wrong('is missing')
  return wrong(problems.join('; '))
}

/** A year (also `2008.0`, and −720 for 720 BCE), a month or a day, as the API writes it. */
export function readDate(text: string): Read<string> {
  const year = /^(-?\d{1,4})(?:\.0+)?$/.exec(text)
  if (year !== null) return ok(yearText(Number(year[1])))
  const date = /^(\d{4})[-/](\d{1,2})(?:[-/](\d{1,2}))?(?:[T ].*)?$/.exec(text)
  if (date === null) return wrong(`"${startOf(text)}" is not a year, a month (YYYY-MM) or a day (YYYY-MM-DD)`)
  const parts = [date[1], date[2]?.padStart(2, '0'), date[3]?.padStart(2, '0')]
  return ok(parts.filter((part) => part !== undefined).join('-'))
}

const yearText = (year: number) => (year < 0 ? '-' : '') + String(Math.abs(year)).padStart(4, '0')

/** ISO 639-1, 639-2 (both sets) and BCP 47, with hyphens or underscores, as canonical BCP 47. Source: RFC 5646, UTS 35. */
export function readLanguage(text: string): Read<string> {
  const tag = text.replaceAll('_', '-')
  try {
    const [canonical = ''] = Intl.getCanonicalLocales(tag)
    if (/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(canonical)) return ok(canonical)
  } catch {
    // Said below, in the words of the file.
  }
  return wrong(`"${startOf(text)}" is not a language code such as en, eng or en-GB`)
}

/**
 * Names with roles: `Ann Author; Bob Brush (illustrator)`. Commas part names only where no semicolon does, and never
 * before "Jr." and its like.
 */
export function readContributors(text: string): { name: string; role: string }[] {
  const separator = /[;|]/.test(text) ? /[;|]/ : /,\s+(?!(?:Jr|Sr|Ph\.?\s?D|M\.?D|Esq|I{2,3}|IV)\b)/
  const seen = new Set<string>()
  const contributors: { name: string; role: string }[] = []
  for (const part of text.split(separator)) {
    const match = /^(.*\S)\s*\(([^()]{1,40})\)$/.exec(part.trim())
    const name = (match?.[1] ?? part).trim()
    const role = match?.[2]?.trim().toLowerCase() ?? 'author'
    if (name === '' || seen.has(`${name}\n${role}`)) continue
    seen.add(`${name}\n${role}`)
    contributors.push({ name, role })
  }
  return contributors
}

export function readList(text: string): string[] {
  const separator = /[;|]/.test(text) ? /[;|]/ : /,/
  return [
    ...new Set(
      text
        .split(separator)
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    ),
  ]
}

/** Currencies by the symbols that stand for one, or for one far more often than for another. */
const symbolCurrencies: Readonly<Record<string, string>> = {
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

/** The currency of a price, by its code or symbol; `wanted` where it has none or where the symbol is that one's too. */
export function readCurrency(price: string, wanted: string): Read<string> {
  const code = /[A-Z]{3}/.exec(price)?.[0]
  if (code !== undefined) return ok(code)
  const symbol = /\p{Sc}/u.exec(price)?.[0]
  if (symbol === undefined || symbol === symbolOf(wanted)) return ok(wanted)
  const currency = symbolCurrencies[symbol]
  if (currency === undefined)
    return wrong(`"${startOf(price)}" does not say which currency ${symbol} stands for`)
  return ok(currency)
}

const symbolOf = (currency: string) =>
  new Intl.NumberFormat('en', { style: 'currency', currency, currencyDisplay: 'narrowSymbol' })
    .formatToParts(0)
    .find(({ type }) => type === 'currency')?.value

/** `12.50`, `12,50` or `€ 1,250.00` as minor units of the currency. */
export function readPrice(text: string, currency: string): Read<number> {
  const bare = text.replace(/^(?:[A-Z]{3}|\p{Sc})\s*|\s*(?:[A-Z]{3}|\p{Sc})$/gu, '')
  const point = /[.,](\d{1,3})$/.exec(bare)
  const grouped = point !== null && point[1]?.length === 3 && minorDigitsOf(currency) !== 3
  const decimals = grouped ? '' : (point?.[1] ?? '')
  const whole = (grouped || point === null ? bare : bare.slice(0, point.index)).replace(
    /[.,'\s](?=\d{3}(?:\D|$))/g,
    '',
  )
  const digits = minorDigitsOf(currency)
  const beyond = decimals.slice(digits)
  if (!/^\d{1,12}$/.test(whole) || /[^0]/.test(beyond))
    return wrong(`"${startOf(text)}" is not a price in ${currency}`)
  return ok(Number(whole + decimals.slice(0, digits).padEnd(digits, '0')))
}

export function readCount(text: string): Read<number> {
  if (!/^\d{1,9}(?:\.0+)?$/.test(text)) return wrong(`"${startOf(text)}" is not a whole number from 0`)
  return ok(Number.parseInt(text, 10))
}

export function readYes(text: string): Read<boolean> {
  if (/^(?:yes|y|true|t|1|x)$/i.test(text)) return ok(true)
  if (/^(?:no|n|false|f|0)$/i.test(text)) return ok(false)
  return wrong(`"${startOf(text)}" is neither yes nor no`)
}

/** A day or a time of ISO 8601, in UTC where it names no offset, whatever zone the server is in. */
export function readTime(text: string): Read<string> {
  const parts = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text)
  const [, day = '', hours = '00:00', offset = 'Z'] = parts ?? []
  const time = new Date(`${day}T${hours}${offset.toUpperCase().replace(/^(.\d\d)(\d\d)$/, '$1:$2')}`)
  if (!isDate(day) || Number.isNaN(time.getTime()))
    return wrong(`"${startOf(text)}" is not a time such as 2026-12-01T10:00:00Z`)
  return ok(time.toISOString())
}
