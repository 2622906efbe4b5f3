import { formatMoney } from '#kernel/money'
import type { ReportResult } from '#services/warehouse'
import { locale } from '../../text/locale.ts'

export type Column = ReportResult['columns'][number]
export type Row = ReportResult['rows'][number]

/** A value of a report in words: money with its row's currency, days and times as people here write them. */
export function cellText(
  value: unknown,
  { kind }: Pick<Column, 'kind'>,
  currency: string | undefined,
): string {
  if (value === null || value === undefined) return '–'
  switch (kind) {
    case 'amount':
      return cellText(value, { kind: currency === undefined ? 'count' : 'money' }, currency)
    case 'money':
      return currency === undefined
        ? String(value)
        : formatMoney({ amount: Number(value), currency }, locale())
    case 'share':
      return new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 1 }).format(
        Number(value),
      )
    case 'count':
    case 'number':
      return new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(Number(value))
    case 'day':
      return new Date(`${value}T00:00:00Z`).toLocaleDateString(locale(), {
        dateStyle: 'medium',
        timeZone: 'UTC',
      })
    case 'time':
      return new Date(String(value)).toLocaleString(locale(), { dateStyle: 'medium', timeStyle: 'medium' })
    default:
      return String(value)
  }
}

export const isNumber = ({ kind }: Pick<Column, 'kind'>) => !['text', 'day', 'time'].includes(kind)

/** The currency of a row, where its report has one. */
export function currencyOf(row: Row, columns: readonly Column[]): string | undefined {
  const at = columns.findIndex(({ name }) => name === 'currency')
  return at === -1 || row[at] === null ? undefined : String(row[at])
}

export type Series = { title: string; points: { label: string; value: number; text: string }[] }

/** How many bars of names a chart shows; the table beneath has them all. */
const namesMax = 15

/** What a report's chart draws: its columns over one another, of the currency that most rows have. */
export function seriesOf({
  chart,
  columns,
  rows,
}: Pick<ReportResult, 'chart' | 'columns' | 'rows'>): Series[] {
  if (chart === undefined) return []
  const x = columns.find(({ name }) => name === chart.x)
  if (x === undefined) return []
  const counts = Map.groupBy(rows, (row) => currencyOf(row, columns))
  const [, most = []] = [...counts].sort(([, a], [, b]) => b.length - a.length)[0] ?? []
  const at = columns.indexOf(x)
  // A table begins with the newest day, a picture with the oldest.
  const inOrder = x.kind === 'day' ? most.toSorted((a, b) => (String(a[at]) < String(b[at]) ? -1 : 1)) : most
  const shown = x.kind === 'text' ? inOrder.slice(0, namesMax) : inOrder
  return chart.y.flatMap((name) => {
    const y = columns.find((column) => column.name === name)
    if (y === undefined) return []
    const points = shown.map((row) => {
      const value = row[columns.indexOf(y)]
      return {
        label: cellText(row[at], x, undefined),
        value: Number(value ?? 0),
        text: cellText(value, y, currencyOf(row, columns)),
      }
    })
    return [{ title: y.title, points }]
  })
}
