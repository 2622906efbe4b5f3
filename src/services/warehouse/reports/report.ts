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
 * SQL of the moment at which a day begins, a text or SQL: a second after the last one of the day before, so that it is the
 * first midnight where the clock shows two, and the hour after it where it shows none.
 */
export const startOf = (day: string, { timeZone }: Asked): string =>
  `timezone('UTC', timezone(${literal(timeZone)}, ${day} - to_seconds(1))) + to_seconds(1)`

/** SQL that a moment lies in the days asked for. */
export function within(moment: string, asked: Asked): string {
  const { from, to } = asked
  const start = (day: string, days: number) => startOf(`${literal(day)}::TIMESTAMP + to_days(${days})`, asked)
  return [
    ...(from === undefined ? [] : [`${moment} >= ${start(from, 0)}`]),
    ...(to === undefined ? [] : [`${moment} < ${start(to, 1)}`]),
    'true',
  ].join(' AND ')
}

/**
 * SQL of the quarter of an hour that a moment lies in, in which no clock is put on or back. What is added up by quarters
 * is asked for its day a few thousand times a year, and not once for each row, which takes ten times as long.
 */
export const quarterOf = (moment: string): string => `time_bucket(INTERVAL 15 MINUTE, ${moment})`

/** Orders that came to something: paid or free, and not given back. */
export const isSold = `order_status IN ('confirmed', 'redeemed')`
