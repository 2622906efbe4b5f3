import { cleanLine, cleanParagraphs } from './clean-text.ts'
import { xmlTextOf } from './file-text.ts'
import { type OnixElement, onixProducts } from './onix-products.ts'
import { readIsbn, readLanguage, readPrice } from './read-values.ts'
import type { ImportedBook, SourceRecord } from './source.ts'
import { checked, type ToBookResult } from './to-book.ts'

/**
 * Reads the products of an ONIX for Books message, 2.1 or 3.x, with reference names or short tags.
 * @param currency of the price to take where a product has several, and of one that names none; ISO 4217
 * @throws UnreadableFile when it is no ONIX or is cut off (after the products before the cut)
 */
export async function* readOnix(
  bytes: AsyncIterable<Uint8Array>,
  currency: string,
): AsyncGenerator<SourceRecord> {
  let record = 0
  for await (const { line, product } of onixProducts(await xmlTextOf(bytes))) {
    const place = { record: ++record, line }
    const result = product === 'too-large' ? tooLarge : bookOf(product, currency)
    if (result.kind === 'ok') yield { ...place, kind: 'book', book: result.book }
    else yield { ...place, kind: 'wrong', field: result.field, message: result.message }
  }
}

const tooLarge: ToBookResult = {
  kind: 'error',
  field: 'product',
  message: 'is larger than two million characters',
}

/** Notification types that announce the end of a record. Source: ONIX code list 1. */
const deletion = '05'

function bookOf(product: OnixElement, currency: string): ToBookResult {
  if (textIn(product, 'NotificationType') === deletion)
    return {
      kind: 'error',
      field: 'NotificationType',
      message: 'asks to delete the record, which an import never does',
    }
  const isbn = readIsbn(identifiers(product))
  if (isbn.kind === 'error') return { kind: 'error', field: 'isbn', message: isbn.message }
  const title = titleOf(product)
  if (title === undefined) return { kind: 'error', field: 'title', message: 'is missing' }
  const subjects = subjectsOf(product)
  const book: ImportedBook = {
    isbn: isbn.value,
    ...title,
    ...contributorsOf(product),
    ...(subjects.length > 0 && { subjects }),
  }
  const language = own(product, 'Language').find((each) => ['', '01'].includes(textIn(each, 'LanguageRole')))
  const code = textIn(language, 'LanguageCode') || textIn(product, 'LanguageOfText')
  if (code !== '') {
    const read = readLanguage(code)
    if (read.kind === 'error') return { kind: 'error', field: 'language', message: read.message }
    book.language = read.value
  }
  const price = priceOf(product, currency)
  if (typeof price === 'string') return { kind: 'error', field: 'price', message: price }
  return checked({
    ...book,
    ...(price && { price }),
    ...optional('publisher', publisherOf(product)),
    ...optional('publishedOn', dateOf(product)),
    ...optional('description', descriptionOf(product)),
    ...optional('format', formatOf(textIn(product, 'ProductForm'))),
  })
}

/**
 * Elements of a name that tell of the product itself: its children (2.1) or those of its blocks (3.0). Deeper ones may
 * tell of its series or of related products.
 */
function own(product: OnixElement, name: string): OnixElement[] {
  const blocks = product.children.filter(
    (child) => child.name.endsWith('Detail') && child.name !== 'SupplyDetail',
  )
  return [product, ...blocks].flatMap((block) => block.children.filter((child) => child.name === name))
}

/** Elements of a name anywhere below, outermost first; composites of the same name never nest. */
function find(element: OnixElement | undefined, name: string): OnixElement[] {
  if (element === undefined) return []
  return element.children.flatMap((child) => (child.name === name ? [child] : find(child, name)))
}

const textIn = (element: OnixElement | undefined, name: string) => find(element, name)[0]?.text.trim() ?? ''
const optional = (field: string, value: string | undefined) => (value ? { [field]: value } : {})

/** Source: ONIX code list 5: 15 is ISBN-13, 03 GTIN-13, 02 ISBN-10. */
function identifiers(product: OnixElement): { name: string; text: string }[] {
  const direct = product.children.filter(({ name }) => name === 'ProductIdentifier')
  const byType = ['15', '03', '02'].flatMap((type) =>
    direct.filter((each) => textIn(each, 'ProductIDType') === type).map((each) => textIn(each, 'IDValue')),
  )
  const bare = product.children
    .filter(({ name }) => name === 'EAN13' || name === 'ISBN')
    .map(({ text }) => text.trim())
  return [...byType, ...bare].map((text) => ({ name: 'isbn', text }))
}

function titleOf(product: OnixElement): { title: string; subtitle?: string } | undefined {
  const details = [...own(product, 'TitleDetail'), ...own(product, 'Title')]
  const detail = details.find((each) => ['01', ''].includes(textIn(each, 'TitleType'))) ?? details[0]
  const elements = find(detail, 'TitleElement')
  const element = elements.find((each) => textIn(each, 'TitleElementLevel') === '01') ?? elements[0] ?? detail
  const whole = [textIn(element, 'TitlePrefix'), textIn(element, 'TitleWithoutPrefix')]
    .filter(Boolean)
    .join(' ')
  const title = cleanLine(textIn(element, 'TitleText') || whole || textIn(product, 'DistinctiveTitle'))
  if (title === '') return undefined
  return { title, ...optional('subtitle', cleanLine(textIn(element, 'Subtitle'))) }
}

/** Source: ONIX code list 17. */
const roles: Readonly<Record<string, string>> = {
  A01: 'author',
  A12: 'illustrator',
  A13: 'photographer',
  A15: 'preface',
  A23: 'foreword',
  A24: 'introduction',
  A36: 'cover design',
  B01: 'editor',
  B06: 'translator',
  E07: 'reader',
}

/** Left out where the product names none, unless it says that it has none. */
function contributorsOf(product: OnixElement): Pick<ImportedBook, 'contributors'> {
  const contributors = own(product, 'Contributor').flatMap((each) => {
    const parts = [textIn(each, 'NamesBeforeKey'), textIn(each, 'KeyNames')].filter(Boolean).join(' ')
    const inverted = textIn(each, 'PersonNameInverted').split(/,\s*/)
    const upright = inverted.length === 2 ? `${inverted[1]} ${inverted[0]}` : inverted.join(', ')
    const name = cleanLine(textIn(each, 'PersonName') || parts || upright || textIn(each, 'CorporateName'))
    return name === '' ? [] : [{ name, role: roles[textIn(each, 'ContributorRole')] ?? 'contributor' }]
  })
  const isTold = contributors.length > 0 || own(product, 'NoContributor').length > 0
  return isTold ? { contributors } : {}
}

/** Keywords, for search engines and in any number, are no subjects. Source: ONIX code list 27, scheme 20. */
function subjectsOf(product: OnixElement): string[] {
  const subjects = own(product, 'Subject').filter((each) => textIn(each, 'SubjectSchemeIdentifier') !== '20')
  const texts = subjects.map((each) => textIn(each, 'SubjectHeadingText'))
  return [
    ...new Set(
      texts
        .flatMap((text) => text.split(';'))
        .map(cleanLine)
        .filter((text) => text !== ''),
    ),
  ]
}

function publisherOf(product: OnixElement): string {
  return cleanLine(textIn(product, 'PublisherName') || textIn(product, 'ImprintName'))
}

/** Date of publication as YYYY, YYYY-MM or YYYY-MM-DD. Source: ONIX code lists 55 and 163. */
function dateOf(product: OnixElement): string | undefined {
  const dated = own(product, 'PublishingDate').find((each) => textIn(each, 'PublishingDateRole') === '01')
  const digits = /^(\d{4})(\d\d)?(\d\d)?/.exec(textIn(dated, 'Date') || textIn(product, 'PublicationDate'))
  return digits
    ?.slice(1)
    .filter((part) => part !== undefined && part !== '00')
    .join('-')
}

/** The description, else the short one. Source: ONIX code lists 153 and 33. */
function descriptionOf(product: OnixElement): string {
  const texts = [...own(product, 'TextContent'), ...own(product, 'OtherText')]
  const typed = (types: string[]) =>
    texts.find((each) => types.includes(textIn(each, 'TextType') || textIn(each, 'TextTypeCode')))
  const chosen = typed(['03']) ?? typed(['01', '02'])
  return cleanParagraphs(textIn(chosen, 'Text'))
}

/** Source: ONIX code list 150 (and 7 before it), by its first letter. */
function formatOf(form: string): string | undefined {
  if (form === 'BB') return 'hardcover'
  if (form === 'BC') return 'paperback'
  if (/^[ED]/.test(form)) return 'ebook'
  if (form.startsWith('A')) return 'audiobook'
  return undefined
}

/**
 * What a reader pays, by rank: recommended, fixed and publisher's retail prices with tax, then without it, then prices
 * that do not say. What a shop pays its supplier (05 to 09) is none, nor is a price for an occasion (from 11 on).
 * Source: ONIX code list 58.
 */
const retailPrices: readonly (readonly string[])[] = [['02', '04', '42'], ['01', '03', '41'], ['']]

/** The retail price, in the wanted currency where there is one; a sentence when it cannot be read. */
function priceOf(
  product: OnixElement,
  wanted: string,
): { amount: number; currency: string } | string | undefined {
  const prices = find(product, 'Price')
    .map((each) => ({
      type: textIn(each, 'PriceType') || textIn(each, 'PriceTypeCode'),
      amount: textIn(each, 'PriceAmount'),
      currency: textIn(each, 'CurrencyCode') || wanted,
    }))
    .filter(({ amount }) => amount !== '')
  const [best = []] = retailPrices
    .map((types) => prices.filter(({ type }) => types.includes(type)))
    .filter((ranked) => ranked.length > 0)
  const price = best.find(({ currency }) => currency === wanted) ?? best[0]
  if (price === undefined) return undefined
  const read = readPrice(price.amount, price.currency)
  return read.kind === 'error' ? read.message : { amount: read.value, currency: price.currency }
}
