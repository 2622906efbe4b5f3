import { minorDigitsOf } from '#kernel/money'

/**
 * Reads a typed price into minor units: `12.5` and `12,50` EUR are 1250.
 * @returns undefined when it is no amount in that currency
 */
export function readAmount(text: string, currency: string): number | undefined {
  const match = /^(\d{1,9})(?:[.,](\d+))?$/.exec(text.trim())
  if (!match || !isCurrency(currency)) return undefined
  const digits = minorDigitsOf(currency)
  const fraction = match[2] ?? ''
  if (fraction.length > digits) return undefined
  return Number(`${match[1]}${fraction.padEnd(digits, '0')}`)
}

/** Writes minor units as {@link readAmount} reads them: 1250 EUR is `12.50`. */
export function writeAmount(amount: number, currency: string): string {
  const digits = minorDigitsOf(currency)
  if (digits === 0) return String(amount)
  const padded = String(amount).padStart(digits + 1, '0')
  return `${padded.slice(0, -digits)}.${padded.slice(-digits)}`
}

export const isCurrency = (text: string): boolean => /^[A-Z]{3}$/.test(text)
