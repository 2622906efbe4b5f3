import type { Config } from '#config'
import { isDay } from '#kernel/day'
import { invalid, notFound, Problem, unavailable } from '#kernel/problem'
import { answer, type HttpServer } from '#ports/http'
import { logger } from '#ports/log'
import {
  getReport,
  listReports,
  loadWarehouseNow,
  queryWarehouse,
  type ReportFormat,
  type ReportQuery,
} from './contract.ts'
import { type Answered, byteOrderMark } from './engine/answer-query.ts'
import type { Loader } from './engine/loader.ts'
import type { QueryEngine } from './engine/query-engine.ts'
import { type Report, reportRowsMax } from './reports/report.ts'
import { reportNamed, reports } from './reports/reports.ts'
import { currentCut } from './store/local-cut.ts'

type Parts = {
  reportEngine: QueryEngine
  queryEngine: QueryEngine
  loader: Loader
  root: string
  config: Config
}

const log = logger('warehouse')

const reportDeadlineMs = 10_000
const queryDeadlineMs = 10_000
const queryRowsMax = 1_000
const private_ = { 'cache-control': 'no-store' }

/** What staff ask of the warehouse: reports, and SQL of their own. */
export function addReportRoutes(
  server: HttpServer,
  { reportEngine, queryEngine, loader, root, config }: Parts,
): void {
  server.add(listReports, async () => {
    const cut = await currentCut(root)
    const { isLoading, failed } = loader.state()
    return answer(
      200,
      {
        items: reports.map(({ sql: _, parameters, columns, ...report }) => ({
          ...report,
          ...{ parameters: [...parameters], columns: [...columns] },
        })),
        asOf: cut?.manifest.cutAt ?? null,
        loadedAt: cut?.manifest.loadedAt ?? null,
        everySeconds: config.warehouse.everyMs / 1000,
        disagreements: cut?.manifest.disagreements ?? [],
        loading: isLoading,
        failed: failed ? { at: new Date(failed.atMs).toISOString(), problem: failed.problem } : null,
      },
      private_,
    )
  })
  server.add(getReport, async ({ params, query }) => {
    const report = reportNamed(params.name)
    if (report === undefined) throw notFound('such report')
    const { format = 'json', limit: rowsMax = 1_000, bom = false, ...chosen } = query
    const wrong = wrongIn(report, query)
    if (wrong.length > 0) throw invalid(wrong)
    // A file has all there is, as far as a report goes.
    const asked = {
      ...chosen,
      rowsMax: format === 'json' ? rowsMax + 1 : reportRowsMax,
      timeZone: config.shop.timeZone,
    }
    const answered = await reportEngine.ask({ sql: report.sql(asked), format, rowsMax }, reportDeadlineMs)
    if (answered.kind === 'refused') {
      log.warn('a report cannot be read: the files of the warehouse are looked at', {
        problem: answered.reason,
      })
      loader.loadNow()
      throw unavailable(
        'A file of the warehouse cannot be read; it is being made good. Try again in a minute.',
      )
    }
    if (answered.kind !== 'rows') return fileOf(answered, report.name, format, bom)
    const { name, title, columns, chart } = report
    const { rows, more, asOf } = answered
    return answer(200, { name, title, asOf, columns, ...(chart && { chart }), rows, more }, private_)
  })
  server.add(queryWarehouse, async ({ body }) => {
    const { sql, format = 'json' } = body
    const answered = await queryEngine.ask({ sql, format, rowsMax: queryRowsMax }, queryDeadlineMs)
    if (answered.kind !== 'rows') return fileOf(answered, 'query', format)
    const { columns, rows, more, asOf } = answered
    return answer(200, { asOf, columns, rows, more }, private_)
  })
  server.add(loadWarehouseNow, async () => {
    loader.loadNow()
    return answer(202, { asOf: (await currentCut(root))?.manifest.cutAt ?? null }, private_)
  })
}

/** What would change nothing, too: whoever chose it would take the figures for others than they are. */
function wrongIn({ name, parameters }: Report, { format = 'json', ...query }: ReportQuery) {
  const chosen = (['from', 'to', 'isbn'] as const).filter((field) => query[field] !== undefined)
  const days = chosen.filter((field) => field !== 'isbn' && !isDay(query[field] ?? ''))
  return [
    ...days.map((field) => ({ field, message: 'is no day of the calendar' })),
    ...chosen
      .filter((field) => !parameters.includes(field))
      .map((field) => ({ field, message: `is not taken by the report "${name}"` })),
    ...(query.bom && format !== 'csv' ? [{ field: 'bom', message: 'is for a CSV' }] : []),
    ...(query.limit !== undefined && format !== 'json'
      ? [{ field: 'limit', message: 'is for JSON: a file has all there is' }]
      : []),
  ]
}

/** @throws Problem 422 when the engine would not or could not run it */
function fileOf(
  answered: Exclude<Answered, { kind: 'rows' }>,
  name: string,
  format: ReportFormat,
  hasMark = false,
) {
  if (answered.kind !== 'file') throw new Problem(422, 'query-refused', answered.reason)
  const bytes = Buffer.from(answered.bytes)
  return answer(200, hasMark && format === 'csv' ? Buffer.concat([byteOrderMark, bytes]) : bytes, {
    ...private_,
    'content-type': format === 'csv' ? 'text/csv; charset=utf-8' : 'application/vnd.apache.parquet',
    'content-disposition': `attachment; filename="octavo-${name}.${format}"`,
  })
}
