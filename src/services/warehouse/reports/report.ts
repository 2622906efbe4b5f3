import { literal } from '../store/duck.ts'

/** What a column holds; money is in minor units of the row's `currency`, a share is between 0 and 1. */
/** An amount is money where its row has a currency, and a count where it has none. */
export type ColumnKind = 'amount' | 'text' | 'count' | 'money' | 'share' | 'day' | 'time' | 'number'
export type Column = { name: string; title: string; kind: ColumnKind }
export type Chart = { kind: 'bars' | 'line'; x: string; y: readonly string[] }

/** A report that people read: its SQL over the tables of the warehouse, and how it is shown. */
export type Report = {
  name: string
  title: string
  description: string
  columns: readonly Column[]
  chart?: Chart
  /** What may be chosen. */
  parameters: readonly ('from' | 'to' | 'isbn')[]
  sql(asked: Asked): string
}

/** Days as YYYY-MM-DD in the shop's time zone, both included; a title where one is asked for. */
export type Asked = { timeZone: string; from?: string; to?: string; isbn?: string; rowsMax: number }

export const reportRowsMax = 10_000

export const column = (name: string, kind: ColumnKind, title = name.replaceAll('_', ' ')): Column => ({
  name,
  title: title.charAt(0).toUpperCase() + title.slice(1),
  kind,
})

/** SQL of a moment as the shop's clock shows it. */
export function local(moment: string, { timeZone }: Asked): string {
  return timeZone === 'UTC' ? moment : `timezone(${literal(timeZone)}, timezone('UTC', ${moment}))`
}

/** SQL that a moment lies in the days asked for. */
export function within(moment: string, { from, to, timeZone }: Asked): string {
  const at = (day: string, days: number) =>
    `timezone('UTC', timezone(${literal(timeZone)}, ${literal(day)}::TIMESTAMP + INTERVAL ${days} DAY))`
  return [
    ...(from === undefined ? [] : [`${moment} >= ${at(from, 0)}`]),
    ...(to === undefined ? [] : [`${moment} < ${at(to, 1)}`]),
    'true',
  ].join(' AND ')
}

/** Orders that came to something: paid or free, and not given back. */
export const isSold = `order_status IN ('confirmed', 'redeemed')`
