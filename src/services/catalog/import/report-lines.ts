import type { ImportReport } from '../contract.ts'

const shownMax = 20

/** What an import found out, in lines for a terminal. The whole report is kept with the import. */
export function* reportLines(report: ImportReport, isDryRun: boolean): Generator<string> {
  if (isDryRun) yield 'A dry run: nothing was written.'
  yield `Read as ${report.format}${report.encoding === '' ? '' : `, ${report.encoding}`}.`
  if (report.mapping.length > 0)
    yield `Columns: ${report.mapping.map(({ field, columns }) => `${field} = ${columns.join(', ')}`).join('; ')}.`
  if (report.notRead.length > 0)
    yield `Not read: ${report.notRead.map(({ name, count }) => `${name} (${count})`).join(', ')}.`
  for (const { field, value, count } of report.defaults) yield `Default: ${field} ${value}, ${count} times.`
  if (report.skipped > 0) yield `${report.skipped} rows skipped that are no records.`
  if (report.withoutPrice > 0)
    yield `${report.withoutPrice} books are not for sale yet: their price is not known.`
  if (report.copiesIgnored > 0)
    yield `${report.copiesIgnored} known books have other copies in the file; their stock stays. Set it by --stock set.`
  if ((report.copiesSet ?? 0) > 0) yield `The stock of ${report.copiesSet} known books was set.`
  if ((report.removed ?? 0) > 0) yield `${report.removed} books removed, as the file asks.`
  if ((report.coversFetched ?? 0) > 0) yield `${report.coversFetched} covers fetched.`
  if (report.repaired + report.leftOut > 0)
    yield `${report.repaired} values changed, ${report.leftOut} left out${report.notes.length > shownMax ? '; the first ones' : ''}:`
  for (const { record, line, field, from, to, message } of report.notes.slice(0, shownMax))
    yield `  ${line === undefined ? `record ${record}` : `line ${line}`}, ${field}: ${from}${to === undefined ? '' : ` → ${to}`} (${message})`
  if (!isDryRun) return
  for (const { kind, isbn, title, changes } of report.preview.slice(0, shownMax)) {
    yield `  ${kind} ${isbn} ${title}`
    for (const { field, from, to } of changes) yield `      ${field}: ${from} → ${to}`
  }
}
