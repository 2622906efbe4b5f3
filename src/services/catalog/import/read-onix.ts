import { cleanLine } from './clean-text.ts'
import { xmlTextOf } from './file-text.ts'
import { Findings, Notes } from './findings.ts'
import { takenAway } from './onix-blocks.ts'
import { type HeaderDefaults, headerDefaults, type OnixContext } from './onix-context.ts'
import { contributorsOf } from './onix-contributors.ts'
import { dateIn, momentOf, readOnixDate, startOfDate } from './onix-dates.ts'
import { detailsOf, identifiers } from './onix-details.ts'
import type { OnixElement } from './onix-element.ts'
import { formatOf } from './onix-form.ts'
import { pricesOf } from './onix-price.ts'
import { onixProducts } from './onix-products.ts'
import { subjectsOf } from './onix-subjects.ts'
import { suppliesIn } from './onix-territory.ts'
import { descriptionOf } from './onix-texts.ts'
import { titleOf } from './onix-title.ts'
import { readIsbn } from './read-isbn.ts'
import { readLanguage } from './read-language.ts'
import type { ReadOptions } from './read-options.ts'
import type { ImportedBook, SourceRecord } from './source.ts'
import { checked, type ToBookResult } from './to-book.ts'

/**
 * Reads the products of ONIX for Books, 2.1 or 3.x, with reference names or short tags: a message, several in one file,
 * or products alone.
 * @throws UnreadableFile when it is no ONIX or is cut off (after the products before the cut)
 */
export async function* readOnix(
  bytes: AsyncIterable<Uint8Array>,
  options: ReadOptions,
): AsyncGenerator<SourceRecord> {
  const { shop, nowMs, findings = new Findings() } = options
  const text = await xmlTextOf(bytes, options.charset)
  let record = 0
  let header: HeaderDefaults = {}
  for await (const part of onixProducts(text)) {
    findings.encoding = text.encoding
    if (part.name === 'Header') {
      header = part.kind === 'element' ? headerDefaults(part.element) : {}
      if (part.kind === 'element')
        for (const name of part.element.unread()) if (/^Default/.test(name)) findings.noteNotRead(name)
      continue
    }
    const place = { record: ++record, line: part.line, mayRepeat: true }
    if (part.kind === 'broken') {
      yield { ...place, kind: 'wrong', field: 'product', message: part.message }
      continue
    }
    const product = part.element
    const isOldRelease = !product.children.some(({ name }) => blocks.has(name))
    if (findings.format === '') findings.format = isOldRelease ? 'ONIX 2.1' : 'ONIX 3'
    const notes = new Notes()
    if (part.repaired !== undefined) notes.repaired('product', '&', '&amp;', part.repaired)
    const result = bookOf(product, { shop, nowMs, isOldRelease, header, findings, notes })
    for (const name of product.unread()) if (!unneeded.has(name)) findings.noteNotRead(name)
    if (result.kind === 'ok')
      yield { ...place, kind: 'book', book: result.book, ...(notes.list.length > 0 && { notes: notes.list }) }
    else if (result.kind === 'deletion') yield { ...place, ...result }
    else yield { ...place, kind: 'wrong', field: result.field, message: result.message }
  }
}

/** What a product consists of in 3.x, one of them at least. */
const blocks = new Set(
  'DescriptiveDetail CollateralDetail PromotionDetail ContentDetail PublishingDetail RelatedMaterial ProductionDetail ProductSupply'.split(
    ' ',
  ),
)

/** What identifies a record or its sender, of which a shop needs nothing. */
const unneeded = new Set([
  'RecordReference',
  'RecordSourceName',
  'ProductComposition',
  'Barcode',
  'RecordSourceType',
  'RecordSourceIdentifier',
])

/** Source: ONIX code list 1. */
const notifications = { update: '04', deletion: '05', tests: ['88', '89'] }

function bookOf(
  product: OnixElement,
  context: OnixContext,
): ToBookResult | { kind: 'deletion'; isbn: string } {
  const notification = product.value('NotificationType')
  if (notifications.tests.includes(notification))
    return { kind: 'error', field: 'NotificationType', message: 'is a test record' }
  const isbn = readIsbn(identifiers(product))
  if (isbn.kind === 'error') return { kind: 'error', field: 'isbn', message: isbn.message }
  if (notification === notifications.deletion) {
    product.markRead()
    return { kind: 'deletion', isbn: isbn.value }
  }
  const { title, subtitle, originalTitle, series } = titleOf(product)
  const { subjects, codes, keywords } = subjectsOf(product)
  const language = languageOf(product, context, title !== undefined)
  const description = descriptionOf(product, language, context)
  const publishedOn = publishedOnOf(product, context)
  const salesOpenAt = salesOpenAtOf(product, context)
  const taken = notification === notifications.update ? takenAway(product) : undefined
  const book: ImportedBook = {
    isbn: isbn.value,
    ...taken?.fields,
    ...(title !== undefined && { title }),
    ...(subtitle !== undefined && { subtitle }),
    ...contributorsOf(product, context),
    ...(subjects !== undefined && { subjects }),
    ...(language !== undefined && { language }),
    ...pricesOf(product, context),
    ...optional('publisher', publisherOf(product)),
    ...optional('publishedOn', publishedOn),
    ...optional('salesOpenAt', salesOpenAt),
    ...optional('description', description),
    ...optional('format', formatOf(product, context.isOldRelease)),
  }
  const details = {
    ...detailsOf(product, context),
    ...(originalTitle !== undefined && { originalTitle: originalTitle.slice(0, 500) }),
    ...(series !== undefined && { series: series.slice(0, 10) }),
    ...(codes !== undefined && { subjects: codes.slice(0, 50) }),
    ...(keywords !== undefined && { keywords: keywords.slice(0, 50).map((word) => word.slice(0, 200)) }),
  }
  const whole = {
    ...book,
    ...(Object.keys(details).length > 0 && { details }),
    ...(taken !== undefined && taken.details.length > 0 && { detailsTakenAway: taken.details }),
  }
  return checked(whole, context.notes)
}

const optional = (field: string, value: string | undefined) => (value ? { [field]: value } : {})

/** The language of the text: the product's, else the header's for a whole record. Source: ONIX code list 22. */
function languageOf(
  product: OnixElement,
  { header, notes, findings }: OnixContext,
  isWhole: boolean,
): string | undefined {
  const languages = product.inBlocks('Language')
  const own = languages.find((each) => ['01', ''].includes(each.value('LanguageRole')))
  const code = own?.value('LanguageCode') || product.value('LanguageOfText')
  if (code !== '' && code !== undefined) {
    const found = readLanguage(own === undefined ? code : taggedBy(own, code))
    if (found.kind === 'ok') return found.value
    notes.leftOut('language', code, found.message)
    return undefined
  }
  if (header.language === undefined || !isWhole) return undefined
  findings.noteDefault('language', `${header.language} (the header’s)`)
  return header.language
}

/** A code with the script and the country that stand beside it, as BCP 47. Source: ONIX code lists 74, 91 and 121. */
function taggedBy(language: OnixElement, code: string): string {
  if (!/^[a-z]{2,3}$/i.test(code)) return code
  const script = language.value('ScriptCode')
  const country = language.value('CountryCode')
  return [
    code,
    ...(/^[a-z]{4}$/i.test(script) ? [script] : []),
    ...(/^[a-z]{2}$/i.test(country) ? [country] : []),
  ].join('-')
}

/** The publisher, not a co-publisher or a sponsor; else the imprint. Source: ONIX code list 45. */
function publisherOf(product: OnixElement): string {
  const publishers = product.inBlocks('Publisher')
  const main = publishers.find((each) => ['01', ''].includes(each.value('PublishingRole'))) ?? publishers[0]
  const direct = product.value('PublisherName')
  const imprint = product.inBlocks('Imprint').map((each) => each.value('ImprintName'))[0]
  return cleanLine(main?.value('PublisherName') || direct || imprint || '')
}

type Dated = { role: string; text: string; format: string }

/** Dates of the product, and of its supply in the market that the shop is in. */
function datesOf(product: OnixElement, { shop }: OnixContext): Dated[] {
  const here = suppliesIn(product, shop.country)
  const published = product
    .inBlocks('PublishingDate')
    .map((each) => ({ role: each.value('PublishingDateRole'), ...dateIn(each) }))
  const markets = here
    .flatMap((supply) => supply.all('MarketPublishingDetail'))
    .flatMap((detail) => detail.all('MarketDate'))
    .map((each) => ({ role: each.value('MarketDateRole'), ...dateIn(each) }))
  const supplies = [product, ...here].flatMap((block) => block.all('SupplyDetail'))
  const supplied = supplies.flatMap((supply) => [
    ...supply.all('SupplyDate').map((each) => ({ role: each.value('SupplyDateRole'), ...dateIn(each) })),
    { role: '02', text: supply.value('OnSaleDate'), format: '' },
  ])
  const old = { role: '01', text: product.value('PublicationDate'), format: '' }
  return [...published, old, ...markets, ...supplied.filter(({ role }) => role === '02')].filter(
    ({ text }) => text !== '',
  )
}

/** The first date of publication that can be read. Source: ONIX code list 163. */
function publishedOnOf(product: OnixElement, context: OnixContext): string | undefined {
  for (const date of datesOf(product, context).filter(({ role }) => role === '01')) {
    const found = readOnixDate(date)
    if (found.kind === 'ok') return found.value
    context.notes.leftOut('publishedOn', date.text, found.message)
  }
  return undefined
}

/** No copy is sold before the embargo ends: at its time, else at the beginning of that day where the shop is. */
function salesOpenAtOf(product: OnixElement, context: OnixContext): string | undefined {
  const { shop, notes } = context
  const embargoes = datesOf(product, context).filter(({ role }) => role === '02' || role === '33')
  const times: string[] = []
  for (const date of embargoes) {
    const found = readOnixDate(date)
    if (found.kind === 'ok')
      times.push(momentOf(date.text, shop.timeZone) ?? startOfDate(found.value, shop.timeZone))
    else notes.leftOut('salesOpenAt', date.text, found.message)
  }
  return times.toSorted().at(-1)
}
