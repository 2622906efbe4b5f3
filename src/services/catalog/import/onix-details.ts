import type { BookDetails } from '../contract.ts'
import { cleanLine } from './clean-text.ts'
import type { Findings, Notes } from './findings.ts'
import type { OnixContext } from './onix-context.ts'
import type { OnixElement } from './onix-element.ts'
import { measuresOf } from './onix-measures.ts'
import { suppliesIn } from './onix-territory.ts'
import { readIsbn } from './read-isbn.ts'

const detailLimits = { entriesMax: 50, charactersMax: 500 } as const

/** What a product tells beyond what the shop needs to sell it. What cannot be read is noted. */
export function detailsOf(product: OnixElement, context: OnixContext): BookDetails {
  const { notes, findings, shop } = context
  return {
    ...text('imprint', product.inBlocks('Imprint').map((each) => each.value('ImprintName'))[0]),
    ...text('edition', editionOf(product)),
    ...measuresOf(product, context),
    ...text('illustrations', illustrationsOf(product)),
    ...list('audience', audienceOf(product)),
    ...list('accessibility', accessibilityOf(product, notes)),
    ...list('related', relatedOf(product, findings)),
    ...list('works', worksOf(product, findings)),
    ...text('publishingStatus', product.valueInBlocks('PublishingStatus')),
    ...text('availability', availabilityOf(product, shop.country)),
    ...text('coverLink', coverLinkOf(product, notes)),
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
  const types = [...product.inBlocks('EditionType'), ...product.all('EditionTypeCode')]
  return statement || number || types.flatMap((each) => editions[each.text.trim()] ?? []).join(', ')
}

/** Kinds of editions that say something to a reader. Source: ONIX code list 21. */
const editions: Readonly<Record<string, string>> = {
  ABR: 'Abridged edition',
  ANN: 'Annotated edition',
  BLL: 'Bilingual edition',
  BRL: 'Braille edition',
  CRI: 'Critical edition',
  ENL: 'Enlarged edition',
  FAC: 'Facsimile edition',
  ILL: 'Illustrated edition',
  LTE: 'Large print',
  NED: 'New edition',
  NUM: 'Numbered edition',
  REV: 'Revised edition',
  SCH: 'School edition',
  SIG: 'Signed edition',
  SPE: 'Special edition',
  STU: 'Student edition',
  TCH: 'Teacher’s edition',
  UBR: 'Unabridged edition',
  ULP: 'Ultra large print',
  VAR: 'Variorum edition',
}

function illustrationsOf(product: OnixElement): string {
  const note = product.inBlocks('IllustrationsNote').map((each) => each.html ?? each.text)[0]
  const number = product.valueInBlocks('NumberOfIllustrations')
  return note ?? number
}

/** Words of the file, or ages. Source: ONIX code lists 28, 30 and 31. */
function audienceOf(product: OnixElement): string[] {
  const ranges = product.inBlocks('AudienceRange').flatMap((range) => {
    const unit = ages[range.value('AudienceRangeQualifier')]
    if (unit === undefined) return []
    return agesOf(range.values('AudienceRangePrecision'), range.values('AudienceRangeValue'), unit)
  })
  const codes = [
    ...product.inBlocks('AudienceCode').map((each) => each.text.trim()),
    ...product
      .inBlocks('Audience')
      .flatMap((each) => (each.value('AudienceCodeType') === '01' ? [each.value('AudienceCodeValue')] : [])),
  ]
  const described = product.inBlocks('AudienceDescription').map((each) => cleanLine(each.text))
  return [...new Set([...described, ...codes.flatMap((code) => audiences[code] ?? []), ...ranges])].filter(
    Boolean,
  )
}

/** Interest ages by their unit. Source: ONIX code list 30. */
const ages: Readonly<Record<string, string>> = { '16': 'months', '17': 'years' }

/** Source: ONIX code list 31: 01 is exactly, 03 from, 04 to. */
function agesOf(precisions: readonly string[], values: readonly string[], unit: string): string[] {
  const [only = ''] = values
  const [from, to] = ['03', '04'].map((wanted) => values[precisions.indexOf(wanted)])
  if (values.length === 2) return [`${from ?? only}–${to ?? values[1]} ${unit}`]
  if (only === '') return []
  return [
    to !== undefined
      ? `up to ${to} ${unit}`
      : from !== undefined
        ? `from ${from} ${unit}`
        : `${only} ${unit}`,
  ]
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
function accessibilityOf(product: OnixElement, notes: Notes): NonNullable<BookDetails['accessibility']> {
  return product.inBlocks('ProductFormFeature').flatMap((feature) => {
    if (feature.value('ProductFormFeatureType') !== '09') return []
    const code = feature.value('ProductFormFeatureValue')
    const description = cleanLine(feature.value('ProductFormFeatureDescription'))
    const words = description.slice(0, detailLimits.charactersMax)
    if (!/^\d\d$/.test(code)) {
      notes.leftOut('accessibility', code || description, 'is no code of list 196')
      return []
    }
    return [{ code, ...(words !== '' && { text: words }) }]
  })
}

function relatedOf(product: OnixElement, findings: Findings): NonNullable<BookDetails['related']> {
  return product.inBlocks('RelatedProduct').flatMap((related) => {
    const relation = related.value('ProductRelationCode', 'RelationCode')
    const isbn = readIsbn(identifiers(related))
    if (isbn.kind === 'ok' && /^\d\d$/.test(relation)) return [{ relation, isbn: isbn.value }]
    findings.noteNotRead('RelatedProduct without an ISBN')
    return []
  })
}

/** Two books of one work are editions of it, or translations. Source: ONIX code lists 16 and 164. */
function worksOf(product: OnixElement, findings: Findings): NonNullable<BookDetails['works']> {
  return product.inBlocks('RelatedWork').flatMap((work) => {
    const relation = work.value('WorkRelationCode')
    const found = work.all('WorkIdentifier').flatMap((each) => {
      const [scheme, id] = [each.value('WorkIDType'), cleanLine(each.value('IDValue'))]
      const isWhole = /^\d\d$/.test(scheme) && id !== '' && id.length <= detailLimits.charactersMax
      return isWhole ? [{ relation, scheme, id }] : []
    })
    if (found.length > 0 && /^\d\d$/.test(relation)) return found
    findings.noteNotRead('RelatedWork without an identifier')
    return []
  })
}

/** Source: ONIX code list 5: 15 is ISBN-13, 03 GTIN-13, 02 ISBN-10, 14 GTIN-14. */
export function identifiers(product: OnixElement): { name: string; text: string }[] {
  const direct = product.all('ProductIdentifier').map((each) => ({
    type: each.value('ProductIDType'),
    text: each.value('IDValue'),
  }))
  const byType = ['15', '03', '02', '14'].flatMap((type) => direct.filter((each) => each.type === type))
  const bare = [...product.all('EAN13'), ...product.all('ISBN')].map((each) => ({ text: each.text.trim() }))
  return [...byType, ...bare].map(({ text }) => ({ name: 'isbn', text }))
}

/** Of code list 65, from the codes of list 54 that 2.1 has too; 99 (ask the supplier) says nothing. */
function availabilityOf(product: OnixElement, country: string): string {
  const blocks = [product, ...suppliesIn(product, country)].flatMap((block) => block.all('SupplyDetail'))
  const codes = blocks.map(
    (each) => each.value('ProductAvailability') || (availabilityOf21[each.value('AvailabilityCode')] ?? ''),
  )
  return codes.find((code) => code !== '' && code !== '99') ?? ''
}

/** Source: ONIX code list 54 (AvailabilityCode of 2.1), each code as list 65 says the same. */
const availabilityOf21: Readonly<Record<string, string>> = {
  AB: '01',
  AD: '44',
  EX: '43',
  IP: '20',
  MD: '23',
  NP: '10',
  NY: '11',
  OF: '42',
  OI: '40',
  OP: '51',
  OR: '41',
  PP: '09',
  RF: '43',
  RM: '47',
  RP: '32',
  RU: '32',
  TO: '22',
  TP: '30',
  TU: '30',
  UR: '33',
  WS: '46',
}

/** Not what is only for the trade, the press or a program. Source: ONIX code list 154. */
function isForReaders(resource: OnixElement): boolean {
  const audiences = resource.values('ContentAudience')
  return audiences.length === 0 || audiences.some((code) => code === '00' || code === '03')
}

/** Source: ONIX code lists 158 (01 is the front cover) and 38 (04 and 06 in 2.1). */
function coverLinkOf(product: OnixElement, notes: Notes): string {
  const link = product
    .inBlocks('SupportingResource')
    .filter((each) => each.value('ResourceContentType') === '01' && isForReaders(each))
    .flatMap((each) => each.all('ResourceVersion'))
    .map((each) => each.value('ResourceLink'))
    .find(Boolean)
  const old = product
    .all('MediaFile')
    .filter((each) => ['04', '06'].includes(each.value('MediaFileTypeCode')))
    .map((each) => each.value('MediaFileLink'))
    .find(Boolean)
  const found = link ?? old ?? ''
  if (found === '') return ''
  const { protocol, username, password } = URL.canParse(found) ? new URL(found) : {}
  if (protocol === 'https:' && username === '' && password === '') return found
  notes.leftOut('coverLink', found, 'is no address by https')
  return ''
}
