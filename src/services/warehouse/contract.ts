import { defineRoute, staff } from '#kernel/contract'
import { closed, Nullable, Timestamp } from '#kernel/schemas'
import { type Static, Type } from '#kernel/type'

const Day = Type.String({
  pattern: '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$',
  description: 'YYYY-MM-DD',
})
const reportFormats = ['json', 'csv', 'parquet'] as const
export type ReportFormat = (typeof reportFormats)[number]
const Format = Type.Unsafe<ReportFormat>({ type: 'string', enum: [...reportFormats] })

const ColumnKind = Type.Unsafe<'text' | 'count' | 'money' | 'amount' | 'share' | 'day' | 'time' | 'number'>({
  type: 'string',
  enum: ['text', 'count', 'money', 'amount', 'share', 'day', 'time', 'number'],
  description:
    'money is in minor units of the row’s `currency`, an amount the same where there is one and a count otherwise; a share is between 0 and 1',
})
const ReportColumn = Type.Object({ name: Type.String(), title: Type.String(), kind: ColumnKind })
const ReportChart = Type.Object({
  kind: Type.Union([Type.Literal('bars'), Type.Literal('line')]),
  x: Type.String(),
  y: Type.Array(Type.String()),
})

export const ReportSummary = Type.Object(
  {
    name: Type.String(),
    title: Type.String(),
    description: Type.String(),
    columns: Type.Array(ReportColumn),
    chart: Type.Optional(ReportChart),
    parameters: Type.Array(Type.String({ description: 'from, to, isbn' })),
  },
  { $id: 'ReportSummary' },
)
export type ReportSummary = Static<typeof ReportSummary>

/** `asOf` is the moment that the figures show, for both databases; null before the first load. */
export const ReportList = Type.Object(
  {
    items: Type.Array(ReportSummary),
    asOf: Nullable(Timestamp),
    loadedAt: Nullable(Timestamp),
    everySeconds: Type.Integer({ description: 'how often it is loaded' }),
    disagreements: Type.Array(Type.String({ description: 'what is not as the databases have it' })),
    loading: Type.Boolean({ description: 'whether a load is under way or was asked for' }),
    failed: Nullable(
      Type.Object(
        { at: Timestamp, problem: Type.String() },
        { description: 'why the last load came to nothing' },
      ),
    ),
  },
  { $id: 'ReportList' },
)
export type ReportList = Static<typeof ReportList>

const Cell = Type.Unsafe<string | number | boolean | null | readonly unknown[]>({
  description: 'a value of its column, or null',
})
export const ReportResult = Type.Object(
  {
    name: Type.String(),
    title: Type.String(),
    asOf: Timestamp,
    columns: Type.Array(ReportColumn),
    chart: Type.Optional(ReportChart),
    rows: Type.Array(Type.Array(Cell)),
    more: Type.Boolean({ description: 'there are more rows than these' }),
  },
  { $id: 'ReportResult' },
)
export type ReportResult = Static<typeof ReportResult>

const readers = staff('manager', 'operator')
const route = { tag: 'Reports', access: readers } as const

export const listReports = defineRoute({
  ...route,
  method: 'GET',
  path: '/api/reports',
  reply: ReportList,
  summary: 'List the reports, and when the warehouse was loaded',
})

const ReportQuery = Type.Object(
  {
    from: Type.Optional(Day),
    to: Type.Optional(Day),
    isbn: Type.Optional(Type.String({ pattern: '^97[89]\\d{10}$' })),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description: 'rows in JSON, 1 000 without it; a file has all there are, 10 000 at most',
      }),
    ),
    format: Type.Optional(Format),
    bom: Type.Optional(
      Type.Boolean({
        description: 'begin a CSV with a byte-order mark, without which Excel takes ü for Ã¼',
      }),
    ),
  },
  closed,
)
export type ReportQuery = Static<typeof ReportQuery>

export const getReport = defineRoute({
  ...route,
  method: 'GET',
  path: '/api/reports/{name}',
  params: Type.Object({ name: Type.String({ maxLength: 60 }) }, closed),
  query: ReportQuery,
  reply: ReportResult,
  summary: 'Read a report: as JSON, CSV or Parquet',
  also: {
    404: 'No such report.',
    503: 'The warehouse has not been loaded yet or cannot be read, or too many reports wait.',
  },
})

export const queryWarehouse = defineRoute({
  ...route,
  method: 'POST',
  path: '/api/reports/queries',
  bodyBytesMax: 64 * 1024,
  body: Type.Object(
    {
      sql: Type.String({ minLength: 1, maxLength: 20_000, description: 'one SELECT in DuckDB’s SQL' }),
      format: Type.Optional(Format),
    },
    closed,
  ),
  reply: Type.Object({
    asOf: Timestamp,
    columns: Type.Array(Type.Object({ name: Type.String(), type: Type.String() })),
    rows: Type.Array(Type.Array(Cell)),
    more: Type.Boolean({ description: 'there are more rows than these' }),
  }),
  summary: 'Ask the warehouse by SQL: it reads, and nothing else, for so long and with so much memory',
  also: { 422: 'It cannot be run: `detail` says why.', 503: 'The warehouse has not been loaded yet.' },
})

export const loadWarehouseNow = defineRoute({
  ...route,
  method: 'POST',
  path: '/api/reports/loads',
  status: 202,
  reply: Type.Object({ asOf: Nullable(Timestamp) }),
  summary: 'Have the warehouse loaded soon; `asOf` in the list of reports says when it was',
})

export const publicRoutes = [listReports, getReport, queryWarehouse, loadWarehouseNow]
