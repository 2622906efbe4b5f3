import type { BookDetails } from '../contract.ts'
import { cleanLine } from './clean-text.ts'
import type { OnixElement } from './onix-element.ts'
import { readIsbn } from './read-isbn.ts'

const detailLimits = { entriesMax: 50, charactersMax: 500 } as const

/** What a product tells beyond what the shop needs to sell it. */
export function detailsOf(product: OnixElement): BookDetails {
  return {
    ...text('imprint', product.inBlocks('Imprint').map((each) => each.value('ImprintName'))[0]),
    ...text('edition', editionOf(product)),
    ...extentsOf(product),
    ...text('illustrations', illustrationsOf(product)),
    ...measuresOf(product),
    ...list('audience', audienceOf(product)),
    ...list('accessibility', accessibilityOf(product)),
    ...list('related', relatedOf(product)),
    ...text('publishingStatus', product.valueInBlocks('PublishingStatus')),
    ...text('availability', availabilityOf(product)),
    ...text('coverLink', coverLinkOf(product)),
  }
}

const text = (field: keyof BookDetails, value: string | undefined) => {
  const line = cleanLine(value ?? '').slice(0, detailLimits.charactersMax)
  return line === '' ? {} : { [field]: line }
}
const list = <T>(field: keyof BookDetails, values: readonly T[]) =>
  values.length === 0 ? {} : { [field]: values.slice(0, detailLimits.entriesMax) }

function editionOf(product: OnixElement): string {
  const statement = product.valueInBlocks('EditionStatement')
  const number = product.valueInBlocks('EditionNumber')
  product.valueInBlocks('EditionType', 'EditionTypeCode')
  return statement || number
}

/** Pages and minutes. Source: ONIX code lists 23 and 24. */
function extentsOf(product: OnixElement): Pick<BookDetails, 'pages' | 'minutes'> {
  const extents = product.inBlocks('Extent').map((each) => ({
    type: each.value('ExtentType'),
    value: Number(each.value('ExtentValue')),
    unit: each.value('ExtentUnit'),
  }))
  const pagesBy = (type: string) => extents.find((each) => each.type === type && each.unit === '03')?.value
  const pages = ['05', '00', '11', '07', '06', '08', '10'].map(pagesBy).find(Number.isInteger)
  const old = Number(product.valueInBlocks('NumberOfPages') || Number.NaN)
  const length = extents.find(({ type }) => ['09', '14', '16'].includes(type))
  const minutes = length === undefined ? undefined : minutesOf(length.value, length.unit)
  const count = pages ?? old
  return {
    ...(Number.isInteger(count) && count > 0 && count < 100_000 && { pages: count }),
    ...(minutes !== undefined && minutes > 0 && minutes < 100_000 && { minutes }),
  }
}

function minutesOf(value: number, unit: string): number | undefined {
  if (!Number.isFinite(value)) return undefined
  if (unit === '04' || unit === '14') return Math.round(value * 60)
  if (unit === '05') return Math.round(value)
  if (unit === '06') return Math.round(value / 60)
  if (unit === '15') return Math.floor(value / 100) * 60 + (value % 100)
  if (unit === '16') return Math.floor(value / 10_000) * 60 + (Math.floor(value / 100) % 100)
  return undefined
}

function illustrationsOf(product: OnixElement): string {
  const note = product.inBlocks('IllustrationsNote').map((each) => each.html ?? each.text)[0]
  const number = product.valueInBlocks('NumberOfIllustrations')
  return note ?? number
}

/** Millimetres and grams. Source: ONIX code lists 48 and 50. */
function measuresOf(product: OnixElement): Pick<BookDetails, 'height' | 'width' | 'thickness' | 'weight'> {
  const fields: Readonly<Record<string, 'height' | 'width' | 'thickness' | 'weight'>> = {
    '01': 'height',
    '02': 'width',
    '03': 'thickness',
    '08': 'weight',
  }
  const found: BookDetails = {}
  for (const measure of product.inBlocks('Measure')) {
    const field = fields[measure.value('MeasureType', 'MeasureTypeCode')]
    const factor = units[measure.value('MeasureUnitCode').toLowerCase()]
    const value = Number(measure.value('Measurement'))
    if (field === undefined || factor === undefined || !(value > 0 && value < 100_000)) continue
    found[field] = Math.round(value * factor * 10) / 10
  }
  return found
}
const units: Readonly<Record<string, number>> = {
  mm: 1,
  cm: 10,
  in: 25.4,
  gr: 1,
  kg: 1000,
  oz: 28.3495,
  lb: 453.592,
}

/** Words of the file, or ages. Source: ONIX code lists 28, 30 and 31. */
function audienceOf(product: OnixElement): string[] {
  const ages = product.inBlocks('AudienceRange').flatMap((range) => {
    const qualifier = range.value('AudienceRangeQualifier')
    const values = range.values('AudienceRangeValue')
    const precision = range.values('AudienceRangePrecision')
    if (qualifier !== '17' && qualifier !== '16') return []
    if (values.length === 2) return [`${values[0]}–${values[1]} years`]
    return [precision[0] === '04' ? `up to ${values[0]} years` : `from ${values[0]} years`]
  })
  const codes = [
    ...product.inBlocks('AudienceCode').map((each) => each.text.trim()),
    ...product
      .inBlocks('Audience')
      .flatMap((each) => (each.value('AudienceCodeType') === '01' ? [each.value('AudienceCodeValue')] : [])),
  ]
  const described = product.inBlocks('AudienceDescription').map((each) => cleanLine(each.text))
  return [...new Set([...described, ...codes.flatMap((code) => audiences[code] ?? []), ...ages])].filter(
    Boolean,
  )
}
const audiences: Readonly<Record<string, string>> = {
  '01': 'General',
  '02': 'Children and young adults',
  '03': 'Young adults',
  '04': 'Schools',
  '05': 'Higher education',
  '06': 'Professionals and researchers',
  '08': 'Adult education',
  '09': 'Language learners',
}

/** Features of type 09, whose values are those of code list 196. */
function accessibilityOf(product: OnixElement): NonNullable<BookDetails['accessibility']> {
  return product.inBlocks('ProductFormFeature').flatMap((feature) => {
    const type = feature.value('ProductFormFeatureType')
    const code = feature.value('ProductFormFeatureValue')
    const words = cleanLine(feature.value('ProductFormFeatureDescription')).slice(
      0,
      detailLimits.charactersMax,
    )
    if (type !== '09' || !/^\d\d$/.test(code)) return []
    return [{ code, ...(words !== '' && { text: words }) }]
  })
}

function relatedOf(product: OnixElement): NonNullable<BookDetails['related']> {
  return product.inBlocks('RelatedProduct').flatMap((related) => {
    const relation = related.value('ProductRelationCode', 'RelationCode')
    const isbn = readIsbn(identifiers(related))
    return isbn.kind === 'ok' && /^\d\d$/.test(relation) ? [{ relation, isbn: isbn.value }] : []
  })
}

/** Source: ONIX code list 5: 15 is ISBN-13, 03 GTIN-13, 02 ISBN-10. */
export function identifiers(product: OnixElement): { name: string; text: string }[] {
  const direct = product.all('ProductIdentifier').map((each) => ({
    type: each.value('ProductIDType'),
    text: each.value('IDValue'),
  }))
  const byType = ['15', '03', '02'].flatMap((type) => direct.filter((each) => each.type === type))
  const bare = [...product.all('EAN13'), ...product.all('ISBN')].map((each) => ({ text: each.text.trim() }))
  return [...byType, ...bare].map(({ text }) => ({ name: 'isbn', text }))
}

/** Of code list 65; 99 (ask the supplier) says nothing. */
function availabilityOf(product: OnixElement): string {
  const blocks = [product, ...product.all('ProductSupply')].flatMap((block) => block.all('SupplyDetail'))
  return (
    blocks.map((each) => each.value('ProductAvailability')).find((code) => code !== '' && code !== '99') ?? ''
  )
}

/** Source: ONIX code lists 158 (01 is the front cover) and 38 (04 and 06 in 2.1). */
function coverLinkOf(product: OnixElement): string {
  const link = product
    .inBlocks('SupportingResource')
    .filter((each) => each.value('ResourceContentType') === '01')
    .flatMap((each) => each.all('ResourceVersion'))
    .map((each) => each.value('ResourceLink'))
    .find(Boolean)
  const old = product
    .all('MediaFile')
    .filter((each) => ['04', '06'].includes(each.value('MediaFileTypeCode')))
    .map((each) => each.value('MediaFileLink'))
    .find(Boolean)
  const found = link ?? old ?? ''
  if (!URL.canParse(found)) return ''
  const { protocol, username, password } = new URL(found)
  return protocol === 'https:' && username === '' && password === '' ? found : ''
}
