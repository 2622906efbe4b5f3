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

/**
 * SQL that a moment lies in the days asked for. A day begins where the shop's clock first shows it, also where midnight
 * comes twice or not at all; by the moment itself, a day more on either side, whole parts are passed over unread.
 */
export function within(moment: string, asked: Asked): string {
  const { from, to } = asked
  const clock = local(moment, asked)
  const start = (day: string, days: number) => `${literal(day)}::TIMESTAMP + to_days(${days})`
  return [
    ...(from === undefined ? [] : [`${moment} >= ${start(from, -1)} AND ${clock} >= ${start(from, 0)}`]),
    ...(to === undefined ? [] : [`${moment} < ${start(to, 2)} AND ${clock} < ${start(to, 1)}`]),
    'true',
  ].join(' AND ')
}

/** Orders that came to something: paid or free, and not given back. */
export const isSold = `order_status IN ('confirmed', 'redeemed')`
