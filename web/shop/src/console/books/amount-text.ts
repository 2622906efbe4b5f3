import { formatMoney } from '#kernel/money'

/** How many digits a currency has after the point, as prices are shown: 2 for EUR, 0 for JPY, 3 for KWD. */
export function digitsOf(currency: string): number {
  // A million minor units are written as 10 000 when two of the digits stand after the point.
  const shown = Number(formatMoney({ amount: 1_000_000, currency }, 'en').replace(/[^\d.]/g, ''))
  return 6 - Math.round(Math.log10(shown))
}

/**
 * Reads a typed price into minor units: `12.5` and `12,50` EUR are 1250.
 * @returns undefined when it is no amount in that currency
 */
export function readAmount(text: string, currency: string): number | undefined {
  const match = /^(\d{1,9})(?:[.,](\d+))?$/.exec(text.trim())
  if (!match || !isCurrency(currency)) return undefined
  const digits = digitsOf(currency)
  const fraction = match[2] ?? ''
  if (fraction.length > digits) return undefined
  return Number(`${match[1]}${fraction.padEnd(digits, '0')}`)
}

/** Writes minor units as {@link readAmount} reads them: 1250 EUR is `12.50`. */
export function writeAmount(amount: number, currency: string): string {
  const digits = digitsOf(currency)
  if (digits === 0) return String(amount)
  const padded = String(amount).padStart(digits + 1, '0')
  return `${padded.slice(0, -digits)}.${padded.slice(-digits)}`
}

export const isCurrency = (text: string): boolean => /^[A-Z]{3}$/.test(text)
