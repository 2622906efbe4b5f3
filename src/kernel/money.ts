/** Integer minor units with an ISO 4217 currency: 1250 EUR is twelve euros fifty. */
export type Money = { amount: number; currency: string }

export const amountMax = 100_000_000

/** Minor-unit digits per currency, where they are not two. Source: ISO 4217 list one. */
const minorDigits: Readonly<Record<string, number>> = {
  BHD: 3,
  BIF: 0,
  CLP: 0,
  DJF: 0,
  GNF: 0,
  IQD: 3,
  ISK: 0,
  JOD: 3,
  JPY: 0,
  KMF: 0,
  KRW: 0,
  KWD: 3,
  LYD: 3,
  OMR: 3,
  PYG: 0,
  RWF: 0,
  TND: 3,
  UGX: 0,
  UYI: 0,
  VND: 0,
  VUV: 0,
  XAF: 0,
  XOF: 0,
  XPF: 0,
}

/** `{ 1250, EUR }` in `de` → `12,50 €`. */
export function formatMoney(money: Money, locale = 'en'): string {
  const digits = minorDigitsOf(money.currency)
  const format = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency: money.currency,
    // Said here, because Intl leaves out the decimals of some currencies that have them.
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
  return format.format(money.amount / 10 ** digits)
}

/** `{ 1250, EUR }` → `12.50`, as files write it. */
export function decimalOf({ amount, currency }: Money): string {
  const digits = minorDigitsOf(currency)
  return (amount / 10 ** digits).toFixed(digits)
}

/** How many decimals an amount in this currency has. */
export function minorDigitsOf(currency: string): number {
  return minorDigits[currency] ?? 2
}
