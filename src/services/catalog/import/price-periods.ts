import type { PricePeriod } from './source.ts'

/** The price in force at a moment: the first of the list whose period holds it; `null` when none does. */
export function priceAt(
  periods: readonly PricePeriod[],
  nowMs: number,
): { amount: number; currency: string } | null {
  const found = periods.find(
    ({ from, until }) =>
      (from === undefined || Date.parse(from) <= nowMs) && (until === undefined || nowMs < Date.parse(until)),
  )
  return found === undefined ? null : { amount: found.amount, currency: found.currency }
}

/** When the price may change next: the earliest beginning or end that is still to come. ISO 8601 in UTC. */
export function nextChangeOf(periods: readonly PricePeriod[], nowMs: number): string | null {
  const times = periods
    .flatMap(({ from, until }) => [from, until])
    .filter((time) => time !== undefined)
    .filter((time) => Date.parse(time) > nowMs)
  return times.toSorted((a, b) => Date.parse(a) - Date.parse(b))[0] ?? null
}
