import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readConfig, readSecrets } from '#config'
import { isDay } from '#kernel/day'
import { formatMoney } from '#kernel/money'
import { storeEnvironment } from '../local/running.ts'
import {
  type Answered,
  byteOrderMark,
  type Report,
  readReport,
  reportNamed,
  reports,
} from '../services/warehouse/service.ts'

export const summary =
  'list the reports, or read one: octavo report NAME [--from DAY] [--to DAY] [--format csv]'

const usage = `usage: octavo report [NAME [--from DAY] [--to DAY] [--isbn ISBN] [--format table|csv|json|parquet] [--bom]]

  NAME      one of those that octavo report lists
  --from    the first day, --to the last one: YYYY-MM-DD, in the shop's time zone
  --isbn    the title of a report about one
  --format  table without it; parquet is for the standard output of a file: > sales.parquet
  --bom     begins a CSV with a byte-order mark, without which Excel takes ü for Ã¼

It reads the warehouse as it was last loaded; octavo warehouse load loads it now.`

const formats = ['table', 'csv', 'json', 'parquet'] as const

/** @returns 0 when it is read, 1 when it cannot be, 2 for wrong usage */
export async function run(args: string[]): Promise<number> {
  const text = { type: 'string' } as const
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { from: text, to: text, isbn: text, format: text, bom: { type: 'boolean', default: false } },
  })
  const [name, ...more] = positionals
  if (name === undefined) return list()
  const report = reportNamed(name)
  const format = formats.find((each) => each === (values.format ?? 'table'))
  const noMark = values.bom && format !== 'csv' ? '--bom is for --format csv' : undefined
  const problem = problemOf(values) ?? noMark ?? (report && notTaken(report, values))
  if (report === undefined || format === undefined || problem !== undefined || more.length > 0) {
    console.error(
      problem ?? (report === undefined ? `there is no report "${name}"; octavo report lists them` : usage),
    )
    return 2
  }
  const env = storeEnvironment(process.env, ['OCTAVO_OBJECT_STORE', 'OCTAVO_SECRET'])
  const config = readConfig(env)
  const { from, to, isbn, bom } = values
  const { answered, asOf, away } = await readReport(
    report,
    { timeZone: config.shop.timeZone, from, to, isbn },
    format === 'table' ? 'json' : format,
    { root: join(config.dataPath, 'warehouse'), secrets: readSecrets(env, ['objectStore', 'secret']) },
  )
  if (away !== undefined) console.error(`octavo report: as of ${asOf}, the last load known here: ${away}`)
  if (bom && answered.kind === 'file') process.stdout.write(byteOrderMark)
  return await print(answered, format, report, asOf)
}

function list(): number {
  const width = Math.max(...reports.map(({ name }) => name.length))
  for (const { name, description } of reports) console.log(`${name.padEnd(width)}  ${description}`)
  return 0
}

type Chosen = { from?: string; to?: string; isbn?: string }

function problemOf({ from, to, isbn }: Chosen): string | undefined {
  for (const day of [from, to])
    if (day !== undefined && !isDay(day)) return `"${day}" is no day; it should be YYYY-MM-DD`
  if (isbn !== undefined && !/^97[89]\d{10}$/.test(isbn)) return `"${isbn}" is no ISBN-13`
  return undefined
}

/** What is chosen and would change nothing: whoever asked for it would take the figures for others than they are. */
function notTaken({ name, parameters }: Report, { from, to, isbn }: Chosen): string | undefined {
  const chosen = Object.entries({ from, to, isbn }).filter(([, value]) => value !== undefined)
  const [other] = chosen.find(([key]) => !parameters.some((each) => each === key)) ?? []
  return other && `the report "${name}" takes no --${other}`
}

async function print(
  answered: Answered,
  format: string,
  { title, columns: kinds }: Report,
  asOf: string,
): Promise<number> {
  if (answered.kind === 'refused' || answered.kind === 'over') {
    console.error(`octavo report: ${answered.reason}`)
    return 1
  }
  if (answered.kind === 'file') {
    await new Promise<void>((resolve, reject) =>
      process.stdout.write(answered.bytes, (error) => (error ? reject(error) : resolve())),
    )
    return 0
  }
  const { columns, rows, more } = answered
  if (more) console.error(`These are the first ${rows.length} rows; there are more.`)
  const names = columns.map((column) => column.name)
  if (format === 'json') {
    const items = rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])))
    console.log(JSON.stringify({ asOf, items }, null, 2))
    return 0
  }
  console.log(`${title}, as of ${asOf}\n`)
  printTable(
    names,
    rows.map((row) => withMoney(row, kinds)),
    kinds.map(({ kind }) => !['text', 'day', 'time'].includes(kind)),
  )
  return 0
}

/** A row of a table for people: its money as they write it, and not in minor units. */
function withMoney(row: readonly unknown[], columns: Report['columns']): unknown[] {
  const currency = row[columns.findIndex(({ name }) => name === 'currency')]
  return row.map((value, i) => {
    const isMoney = ['money', 'amount'].includes(columns[i]?.kind ?? '') && typeof currency === 'string'
    return isMoney && typeof value === 'number' ? formatMoney({ amount: value, currency }) : value
  })
}

function printTable(
  names: readonly string[],
  rows: readonly unknown[][],
  isNumber: readonly boolean[],
): void {
  const texts = [names, ...rows.map((row) => row.map((value) => (value === null ? '' : String(value))))]
  const widths = names.map((_, i) => Math.min(40, Math.max(...texts.map((row) => (row[i] ?? '').length))))
  for (const row of texts) {
    const cells = row.map((text, i) => {
      const cut = text.slice(0, 40)
      return isNumber[i] ? cut.padStart(widths[i] ?? 0) : cut.padEnd(widths[i] ?? 0)
    })
    console.log(cells.join('  ').trimEnd())
  }
}
