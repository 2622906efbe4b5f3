import type { Import } from '#services/gateway'

/**
 * The records an import did not take, as CSV for a spreadsheet.
 * Source: RFC 4180. A cell that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, CSV injection).
 */
export function rejectedCsv(errors: Import['errors']): string {
  const rows = errors.map(({ record, line, field, message }) => [record, line ?? '', field ?? '', message])
  return [['record', 'line', 'field', 'message'], ...rows]
    .map((row) => `${row.map(cell).join(',')}\r\n`)
    .join('')
}

function cell(value: string | number): string {
  const text = String(value).replace(/^(?=[=+\-@\t\r])/, typeof value === 'number' ? '' : "'")
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
