import type { BookDetails } from '../contract.ts'
import type { Notes } from './findings.ts'
import type { HeaderDefaults, OnixContext } from './onix-context.ts'
import type { OnixElement } from './onix-element.ts'

type Measures = Pick<BookDetails, 'pages' | 'minutes' | 'height' | 'width' | 'thickness' | 'weight'>

/** Pages, minutes, millimetres and grams. A number that cannot be read is noted; other kinds of measures stay unread. */
export function measuresOf(product: OnixElement, { notes, header }: OnixContext): Measures {
  return { ...extentsOf(product, notes), ...sizesOf(product, notes, header) }
}

/** Digits with a decimal point, and no other way of writing a number. */
const numberIn = (text: string) => (/^\d+(?:\.\d*)?$|^\.\d+$/.test(text) ? Number(text) : Number.NaN)

/** Kinds of extents, best first. Source: ONIX code list 23. */
const extents = { pages: ['05', '00', '11', '07', '06', '08', '10'], minutes: ['09', '14', '16'] }
const countMax = 100_000

function extentsOf(product: OnixElement, notes: Notes): Measures {
  const found: Measures = {}
  const best = { pages: Number.POSITIVE_INFINITY, minutes: Number.POSITIVE_INFINITY }
  const take = (field: 'pages' | 'minutes', rank: number, text: string, count: number) => {
    if (!(Number.isInteger(count) && count >= 0 && count < countMax))
      notes.leftOut(field, text, `"${text.slice(0, 40)}" is no number of ${field}`)
    else if (count > 0 && rank < best[field]) {
      best[field] = rank
      found[field] = count
    }
  }
  for (const extent of product.inBlocks('Extent')) {
    const type = extent.value('ExtentType')
    const field = extents.pages.includes(type)
      ? 'pages'
      : extents.minutes.includes(type)
        ? 'minutes'
        : undefined
    if (field === undefined) continue
    const text = extent.value('ExtentValue')
    const unit = extent.value('ExtentUnit')
    if (text === '') continue
    const count =
      field === 'minutes' ? minutesOf(numberIn(text), unit) : unit === '03' ? numberIn(text) : Number.NaN
    take(field, extents[field].indexOf(type), `${text}${unit === '' ? '' : ` (unit ${unit})`}`, count)
  }
  const old = product.valueInBlocks('NumberOfPages')
  if (old !== '') take('pages', extents.pages.length, old, numberIn(old))
  return found
}

/** Source: ONIX code list 24. */
function minutesOf(value: number, unit: string): number {
  if (unit === '04' || unit === '14') return Math.round(value * 60)
  if (unit === '05') return Math.round(value)
  if (unit === '06') return Math.round(value / 60)
  if (unit === '15') return Math.floor(value / 100) * 60 + (value % 100)
  if (unit === '16') return Math.floor(value / 10_000) * 60 + (Math.floor(value / 100) % 100)
  return Number.NaN
}

/** Source: ONIX code list 48. */
const sizes: Readonly<Record<string, 'height' | 'width' | 'thickness' | 'weight'>> = {
  '01': 'height',
  '02': 'width',
  '03': 'thickness',
  '08': 'weight',
}

/** Source: ONIX code list 50. */
const units: Readonly<Record<string, number>> = {
  mm: 1,
  cm: 10,
  in: 25.4,
  gr: 1,
  kg: 1000,
  oz: 28.3495,
  lb: 453.592,
}

function sizesOf(product: OnixElement, notes: Notes, header: HeaderDefaults): Measures {
  const found: Measures = {}
  for (const measure of product.inBlocks('Measure')) {
    const field = sizes[measure.value('MeasureType', 'MeasureTypeCode')]
    if (field === undefined) continue
    const unit =
      measure.value('MeasureUnitCode') || (field === 'weight' ? header.weightUnit : header.linearUnit) || ''
    const text = measure.value('Measurement')
    const value = numberIn(text) * (units[unit.toLowerCase()] ?? Number.NaN)
    if (value > 0 && value < countMax) found[field] = Math.round(value * 10) / 10
    else if (text !== '' && Number(text) !== 0)
      notes.leftOut(field, `${text} ${unit}`, 'is not a number with a decimal point and a unit of ONIX')
  }
  return found
}
