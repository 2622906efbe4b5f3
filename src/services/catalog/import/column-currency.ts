import { isCurrency } from '#kernel/currencies'
import { countryIn, withoutCountry } from './read-price.ts'

/** `EUR`, also as in `priceEUR`; of small letters only those that are no word. */
const codeInName =
  /(?<![A-Z])[A-Z]{3}(?![A-Za-z])|(?<![A-Za-z])(?:eur|usd|gbp|chf)(?![A-Za-z])|(?<=[a-z])(?:Eur|Usd|Gbp|Chf)(?![a-z])/g
const euroInName = /(?<!\p{L})euros?(?!\p{L})/iu
const symbols: Readonly<Record<string, string>> = { '€': 'EUR', '£': 'GBP', '₹': 'INR', '¥': 'JPY' }

/** The currency that a column's name says. */
export function currencyIn(name: string): string | undefined {
  const code = [...name.matchAll(codeInName)]
    .map(([found]) => found.toUpperCase())
    .find((found) => isCurrency(found))
  return code ?? (euroInName.test(name) ? 'EUR' : symbols[/\p{Sc}/u.exec(name)?.[0] ?? ''])
}

/** `Preis (D)` is the price of a shop in Germany, or of one that does not say where it is. */
export function withoutOwnCountry(name: string, country: string): string {
  const named = countryIn(name)
  return named === (country || 'DE') ? withoutCountry(name) : name
}

/** A name without its currency and without what it says of tax. */
export function withoutCurrency(name: string): string {
  return name
    .replace(codeInName, (found) => (isCurrency(found.toUpperCase()) ? ' ' : found))
    .replace(/\p{Sc}/gu, ' ')
    .replace(
      /(?<!\p{L})(?:in|en|inkl|incl|including|inc|inclus[aeo]?|incluid[ao]|comprise?|con|vat|tax|mwst|ust|ttc|iva|btw|moms|gst|brutto|gross|euros?|de|der|le|la)(?!\p{L})\.?/giu,
      ' ',
    )
}
