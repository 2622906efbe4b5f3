import type { Column, Columns, ImportField } from './columns.ts'
import { dayOrderOf } from './read-date.ts'
import { nameOrderOf } from './read-names.ts'
import { decimalMarkOf } from './read-price.ts'

/** How many records are looked at before the first is read. */
export const sampleMax = 300
export const sampleCellsMax = 20_000

/**
 * What the first records show of how a file writes its values, column by column: which mark parts decimals, in which
 * order names and days are, and which columns are no dates although they are called so.
 */
export function withShape(
  columns: Columns,
  sample: readonly (readonly string[])[],
  delimiter: string,
): Columns {
  const shaped = new Map<ImportField, readonly Column[]>()
  for (const [field, found] of columns) {
    const kept = found
      .filter((column) => field !== 'publishedOn' || !isYesOrNo(valuesOf(column, sample)))
      .map((column) => shapeOf(field, column, valuesOf(column, sample), delimiter))
    if (kept.length > 0) shaped.set(field, kept)
  }
  return shaped
}

const valuesOf = ({ index }: Column, sample: readonly (readonly string[])[]) =>
  sample
    .map((cells) => (cells[index] ?? '').slice(0, valueCharactersMax).trim())
    .filter((text) => text !== '')

/** More than a price, a date or the names of a book take. */
const valueCharactersMax = 500

function shapeOf(field: ImportField, column: Column, values: readonly string[], delimiter: string): Column {
  if (field === 'price') {
    const shown = decimalMarkOf(values)
    return { ...column, mark: shown ?? markBeside(delimiter), isMarkOfFormat: shown === undefined }
  }
  if (field === 'contributors' || field === 'moreContributors')
    return { ...column, nameOrder: nameOrderOf(values) }
  if (field === 'publishedOn') return { ...column, dayOrder: dayOrderOf(values) }
  return column
}

/** A file with commas between its values has points in its numbers, and one with semicolons has them for the commas. */
function markBeside(delimiter: string): '.' | ',' | undefined {
  if (delimiter === ',') return '.'
  return delimiter === ';' ? ',' : undefined
}

/** WooCommerce and others say by "published" whether a product is shown. */
const isYesOrNo = (values: readonly string[]) =>
  values.length > 0 && values.every((text) => /^(?:-?[01]|true|false|yes|no)$/i.test(text))
