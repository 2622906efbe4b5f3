import { isDeepStrictEqual } from 'node:util'
import type { BookFields } from '../books/book-fields.ts'
import { type BookRow, fieldsOf } from '../books/book-row.ts'
import type { BookDetails } from '../contract.ts'
import { cleanLine, cleanParagraphs } from '../import/clean-text.ts'
import { dayOf, readOnixDate, startOfDate } from '../import/onix-dates.ts'
import { ownScheme } from '../import/onix-subjects.ts'
import type { Shop } from '../import/source.ts'
import { formCode, languageCodes, roleCode } from './onix-codes.ts'
import { dateElement, supplyOf } from './onix-supply.ts'
import { element } from './onix-xml.ts'
import { escaped, spelled } from './spelled.ts'

/** The head of an ONIX 3.1 message. */
export const onixStart = (sentAtMs: number) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<ONIXMessage release="3.1" xmlns="http://ns.editeur.org/onix/3.1/reference">\n${element(
    'Header',
    element('Sender', element('SenderName', 'Octavo')) +
      element('SentDateTime', new Date(sentAtMs).toISOString().replace(/[-:]|\.\d+/g, '')),
  )}\n`
export const onixEnd = '</ONIXMessage>\n'

/** A book as a product of ONIX 3.1, elements in the order of its schema. Source: ONIX for Books 3.1. */
export function onixProduct(row: BookRow, shop: Shop): string {
  const book = fieldsOf(row)
  const product =
    element('RecordReference', row.isbn) +
    element('NotificationType', '03') +
    identifier(row.isbn) +
    element('DescriptiveDetail', descriptive(book)) +
    collateral(book) +
    publishing(book, shop) +
    related(book.details) +
    supplyOf(book, shop)
  return `${element('Product', product)}\n`
}

const identifier = (isbn: string) =>
  element('ProductIdentifier', element('ProductIDType', '15') + element('IDValue', isbn))
const line = (name: string, text: string | null | undefined) =>
  text == null || text === '' ? '' : element(name, escaped(spelled(text, cleanLine)))
const each = <T>(values: readonly T[] | undefined, write: (value: T, i: number) => string) =>
  (values ?? []).map(write).join('')

function descriptive(book: BookFields): string {
  const { details } = book
  const form = formCode(book.format)
  return (
    element('ProductComposition', '00') +
    element('ProductForm', form ?? 'BA') +
    each(details.accessibility, ({ code, text }) =>
      element(
        'ProductFormFeature',
        element('ProductFormFeatureType', '09') +
          element('ProductFormFeatureValue', escaped(code)) +
          line('ProductFormFeatureDescription', text),
      ),
    ) +
    (form === undefined ? line('ProductFormDescription', book.format) : '') +
    measures(details) +
    each(details.series, ({ title, number }) =>
      element('Collection', element('CollectionType', '10') + titleDetail('02', title, { number })),
    ) +
    titleDetail('01', book.title, { subtitle: book.subtitle }) +
    (details.originalTitle === undefined ? '' : titleDetail('01', details.originalTitle, { type: '03' })) +
    people(book.contributors) +
    line('EditionStatement', details.edition) +
    language(book.language) +
    extent('00', details.pages, '03') +
    extent('09', details.minutes, '05') +
    line('IllustrationsNote', details.illustrations) +
    subjects(book) +
    each(details.audience, (text) => line('AudienceDescription', text))
  )
}

function language(tag: string | null): string {
  const codes = tag === null ? undefined : languageCodes(tag)
  if (codes === undefined) return ''
  return element(
    'Language',
    element('LanguageRole', '01') +
      element('LanguageCode', codes.language) +
      (codes.country === undefined ? '' : element('CountryCode', codes.country)) +
      (codes.script === undefined ? '' : element('ScriptCode', codes.script)),
  )
}

function titleDetail(
  level: string,
  title: string,
  {
    number,
    subtitle,
    type = '01',
  }: { number?: string | undefined; subtitle?: string | null; type?: '01' | '03' },
): string {
  const titled = element(
    'TitleElement',
    element('TitleElementLevel', level) +
      line('PartNumber', number) +
      line('TitleText', title) +
      line('Subtitle', subtitle),
  )
  return element('TitleDetail', element('TitleType', type) + titled)
}

function people(contributors: BookFields['contributors']): string {
  if (contributors.length === 0) return element('NoContributor', '')
  return each(contributors, ({ name, role }, i) => {
    const code = roleCode(role)
    return element(
      'Contributor',
      element('SequenceNumber', String(i + 1)) +
        element('ContributorRole', code) +
        // A semicolon in a person's name parts two people.
        line(name.includes(';') ? 'CorporateName' : 'PersonName', name) +
        (code === 'Z99' && role !== 'contributor' ? line('ContributorDescription', role) : ''),
    )
  })
}

const measures = ({ height, width, thickness, weight }: BookDetails) =>
  [
    ['01', height, 'mm'],
    ['02', width, 'mm'],
    ['03', thickness, 'mm'],
    ['08', weight, 'gr'],
  ]
    .map(([type, value, unit]) =>
      value === undefined
        ? ''
        : element(
            'Measure',
            element('MeasureType', String(type)) +
              element('Measurement', String(value)) +
              element('MeasureUnitCode', String(unit)),
          ),
    )
    .join('')

const extent = (type: string, value: number | undefined, unit: string) =>
  value === undefined
    ? ''
    : element(
        'Extent',
        element('ExtentType', type) + element('ExtentValue', String(value)) + element('ExtentUnit', unit),
      )

type Subject = { scheme: string; code: string; heading?: string }

/** Codes with their headings, in the order that gives the same subjects again; those without a code are the shop's own. */
function subjects({ subjects: words, details }: BookFields): string {
  const codes = details.subjects ?? []
  const wordOf = ({ heading, code }: Subject) => heading ?? code
  const own = (heading: string): Subject => ({ scheme: '24', code: '', heading })
  const rest = words.filter((word) => !codes.some((code) => wordOf(code) === word)).map(own)
  const inOrder = words.flatMap((word) => {
    const found = codes.filter((code) => wordOf(code) === word)
    return found.length > 0 ? found : [own(word)]
  })
  const isSame = (entries: readonly Subject[]) =>
    isDeepStrictEqual([...new Set(entries.map(wordOf))], words) &&
    isDeepStrictEqual(
      entries.filter(({ code }) => code !== ''),
      codes,
    )
  const entries = [[...codes, ...rest], inOrder].find(isSame) ?? words.map(own)
  const keywords = details.keywords ?? []
  return (
    each(entries, ({ scheme, code, heading }) =>
      element(
        'Subject',
        element('SubjectSchemeIdentifier', escaped(scheme)) +
          (code === '' ? element('SubjectSchemeName', ownScheme) : line('SubjectCode', code)) +
          line('SubjectHeadingText', heading),
      ),
    ) +
    (keywords.length === 0
      ? ''
      : element(
          'Subject',
          element('SubjectSchemeIdentifier', '20') + line('SubjectHeadingText', keywords.join('; ')),
        ))
  )
}

function collateral({ description, details }: BookFields): string {
  const text =
    description === null
      ? ''
      : element(
          'TextContent',
          element('TextType', '03') +
            element('ContentAudience', '00') +
            element('Text', escaped(spelled(description, cleanParagraphs))),
        )
  const cover =
    details.coverLink === undefined
      ? ''
      : element(
          'SupportingResource',
          element('ResourceContentType', '01') +
            element('ContentAudience', '00') +
            element('ResourceMode', '03') +
            element(
              'ResourceVersion',
              element('ResourceForm', '01') + element('ResourceLink', escaped(details.coverLink)),
            ),
        )
  return text + cover === '' ? '' : element('CollateralDetail', text + cover)
}

function publishing({ publisher, publishedOn, salesOpenAt, details }: BookFields, shop: Shop): string {
  const date = (role: string, day: string | undefined) =>
    day === undefined ? '' : element('PublishingDate', element('PublishingDateRole', role) + dateElement(day))
  const written =
    // An imprint alone would be read as the publisher.
    (details.imprint === undefined || publisher === null
      ? ''
      : element('Imprint', line('ImprintName', details.imprint))) +
    (publisher === null
      ? ''
      : element('Publisher', element('PublishingRole', '01') + line('PublisherName', publisher))) +
    (details.publishingStatus === undefined
      ? ''
      : element('PublishingStatus', escaped(details.publishingStatus))) +
    date('01', readable(publishedOn)) +
    date('02', openingDay(salesOpenAt, shop.timeZone))
  return written === '' ? '' : element('PublishingDetail', written)
}

/** Years before our era have no form in ONIX. */
function readable(date: string | null): string | undefined {
  if (date === null) return undefined
  const found = readOnixDate({ text: date.replaceAll('-', ''), format: '' })
  return found.kind === 'ok' && found.value === date ? date : undefined
}

/** A sale that opens at some other hour than the beginning of a day cannot be told in ONIX. */
function openingDay(time: string | null, timeZone: string): string | undefined {
  if (time === null) return undefined
  const day = dayOf(time, timeZone)
  return startOfDate(day, timeZone) === time ? day : undefined
}

const related = ({ related, works }: BookDetails) => {
  const content =
    each(works, ({ relation, scheme, id }) =>
      element(
        'RelatedWork',
        element('WorkRelationCode', escaped(relation)) +
          element('WorkIdentifier', element('WorkIDType', escaped(scheme)) + element('IDValue', escaped(id))),
      ),
    ) +
    each(related, ({ relation, isbn }) =>
      element('RelatedProduct', element('ProductRelationCode', escaped(relation)) + identifier(isbn)),
    )
  return content === '' ? '' : element('RelatedMaterial', content)
}
