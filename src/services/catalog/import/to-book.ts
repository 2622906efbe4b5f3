import { dayMs } from '#kernel/day'
import { decimalOf } from '#kernel/money'
import { checked, type ToBookResult } from './check-book.ts'
import { cleanLine, cleanParagraphs } from './clean-text.ts'
import type { Column, Columns, ImportField } from './columns.ts'
import type { Findings, Notes } from './findings.ts'
import { readDate } from './read-date.ts'
import { readIsbn } from './read-isbn.ts'
import { readLanguage } from './read-language.ts'
import { readContributors } from './read-names.ts'
import { readCurrency, readPrice } from './read-price.ts'
import { readRole } from './read-role.ts'
import {
  type Read,
  readCount,
  readJsonList,
  readList,
  readTime,
  readYes,
  startOf,
  unreadable,
} from './read-values.ts'
import type { ImportedBook, Shop } from './source.ts'

export { checked, type ToBookResult } from './check-book.ts'

export type BookContext = { shop: Shop; nowMs: number; findings: Findings; notes: Notes }

/**
 * Makes a book of a record's cells. A field whose column the file does not have, or whose cell the row does not reach,
 * is left out, so that an import never empties what it knows nothing of. A value that cannot be read is left out and
 * noted; only a record without an ISBN is refused.
 */
export function toBook(cells: readonly string[], columns: Columns, context: BookContext): ToBookResult {
  const record = new Cells(cells, columns)
  const isbn = readIsbn(record.all('isbn'))
  if (isbn.kind === 'error') return { kind: 'error', field: 'isbn', message: isbn.message }
  const title = cleanLine(record.text('title'))
  const book: ImportedBook = { isbn: isbn.value, ...(title !== '' && { title }) }
  for (const [field, reader] of everyReader) {
    if (!record.has(field)) continue
    const text = record.text(field)
    const result = reader(text, record, context)
    if (result.kind === 'error') {
      context.notes.leftOut(field, text, result.message)
      if (field === 'price' || field === 'priceAmount') book.priceIsUnreadable = true
      continue
    }
    if (result.repaired !== undefined)
      context.notes.repaired(field, text, wordsOf(result.value), result.repaired)
    const { details, ...fields } = result.value
    Object.assign(book, fields)
    if (details !== undefined) book.details = { ...book.details, ...details }
  }
  return checked(book, context.notes)
}

const wordsOf = ({ price, ...value }: Partial<ImportedBook>) =>
  [
    ...(price == null ? [] : [`${decimalOf(price)} ${price.currency}`]),
    ...Object.values(value).map((each) => (typeof each === 'object' ? JSON.stringify(each) : String(each))),
  ].join(', ')

class Cells {
  readonly #cells: readonly string[]
  readonly #columns: Columns
  constructor(cells: readonly string[], columns: Columns) {
    this.#cells = cells
    this.#columns = columns
  }
  has(field: ImportField): boolean {
    return this.#columns.get(field)?.some(({ index }) => index < this.#cells.length) === true
  }
  filled(field: ImportField): (Column & { text: string })[] {
    const columns = this.#columns.get(field) ?? []
    return columns
      .map((column) => ({ ...column, text: withoutTextMark(this.#textOf(column, field), field) }))
      .filter(({ text }) => text !== '')
  }
  #textOf({ index }: Column, field: ImportField): string {
    const max = field === 'description' ? textCharactersMax : cellCharactersMax
    return (this.#cells[index] ?? '').slice(0, max).trim()
  }
  all(field: ImportField): { name: string; text: string }[] {
    const columns = this.#columns.get(field) ?? []
    return columns.map(({ index, name }) => ({
      name,
      text: (this.#cells[index] ?? '').slice(0, cellCharactersMax).trim(),
    }))
  }
  /** The first column of the field that holds something. */
  first(field: ImportField): (Column & { text: string }) | undefined {
    return this.filled(field)[0]
  }
  text(field: ImportField): string {
    return this.first(field)?.text ?? ''
  }
}

/** Far more than is kept of a value: what is cut here is shortened, and told, further on. */
const cellCharactersMax = 20_000
const textCharactersMax = 200_000

/** Spreadsheets and exports mark by `="…"` that a cell is text, and by an apostrophe that it is no formula or number. */
function withoutTextMark(text: string, field: ImportField): string {
  const formula = /^="(.*)"$/s.exec(text)?.[1]
  if (formula !== undefined) return formula.replaceAll('""', '"').trim()
  return text.replace(values.has(field) ? /^'/ : /^'(?='*[=+\-@\t\r])/, '')
}

/** Fields whose values are no words, so that an apostrophe before them is none of theirs. */
const values: ReadonlySet<ImportField> = new Set([
  ...(['price', 'priceAmount', 'currency', 'copies', 'perCustomer', 'pages', 'seriesNumber'] as const),
  ...(['publishedOn', 'salesOpenAt', 'salesOpenIn'] as const),
])

/** WooCommerce writes the ends of lines as `\n`, and that itself with a further backslash. */
const withLines = (text: string) => text.replace(/\\\\n|\\n/g, (mark) => (mark.length === 2 ? '\n' : '\\n'))

type Reader = (text: string, record: Cells, context: BookContext) => Read<Partial<ImportedBook>>

const fine = (value: Partial<ImportedBook>): Read<Partial<ImportedBook>> => ({ kind: 'ok', value })
const named = <T>(found: Read<T>, value: (value: T) => Partial<ImportedBook>): Read<Partial<ImportedBook>> =>
  found.kind === 'error'
    ? found
    : {
        kind: 'ok',
        value: value(found.value),
        ...(found.repaired !== undefined && { repaired: found.repaired }),
      }

/** An empty cell empties a field that may be empty, and says nothing about one that may not. */
const readers: Partial<Record<ImportField, Reader>> = {
  subtitle: (text) => fine({ subtitle: cleanLine(text) || null }),
  contributors: (_text, record) => fine({ contributors: contributorsOf(record) }),
  publisher: (text) => fine({ publisher: cleanLine(text) || null }),
  // LibraryThing's "Press (2004), Edition: First, 300 pages".
  publication: (text) => {
    const line = cleanLine(text)
    const publisher = line.replace(/\s*(?:\(\d{4}\)|, (?:Edition: |\d{1,5} pages)).*$/, '')
    const pages = /(?:^|, )(\d{1,5}) pages\b/.exec(line)?.[1]
    return fine({
      ...(publisher !== '' && { publisher }),
      ...(pages !== undefined && { details: { pages: Number(pages) } }),
    })
  },
  publishedOn: (text, record) =>
    text === ''
      ? fine({ publishedOn: null })
      : named(readDate(text, record.first('publishedOn')?.dayOrder), (publishedOn) => ({ publishedOn })),
  language: (text) =>
    text === '' ? fine({ language: null }) : named(readLanguage(text), (language) => ({ language })),
  format: (text) => fine(text === '' ? {} : { format: cleanLine(text) }),
  description: (text, _record, { findings }) => {
    const isEscaped = findings.format.startsWith('WooCommerce')
    return fine({ description: cleanParagraphs(isEscaped ? withLines(text) : text) || null })
  },
  subjects: (text) => fine({ subjects: readList(readJsonList(text) === undefined ? cleanLine(text) : text) }),
  price: (text, record, context) => {
    if (text === '') return fine({})
    const { mark, isMarkOfFormat = false, currency: ofColumn, symbol = '' } = record.first('price') ?? {}
    const currency = currencyOf(record, ofColumn, context)
    if (currency.kind === 'error') return currency
    return named(
      readPrice(/\p{L}|\p{Sc}/u.test(text) || record.text('currency') !== '' ? text : symbol + text, {
        ...{ currency: currency.value, wanted: context.shop.currency, country: context.shop.country },
        ...{ mark, isMarkOfFormat },
      }),
      (price) => ({ price }),
    )
  },
  priceAmount: (text, record, context) => {
    if (text === '') return fine({})
    const currency = currencyOf(record, undefined, context)
    if (currency.kind === 'error') return currency
    return named(readCount(text), (amount) => ({ price: { amount, currency: currency.value } }))
  },
  cover: (text) => fine({ cover: text || null }),
  limited: (text) => (text === '' ? fine({}) : named(readYes(text), (limited) => ({ limited }))),
  perCustomer: (text) =>
    text === '' ? fine({ perCustomer: null }) : named(readCount(text), (perCustomer) => ({ perCustomer })),
  salesOpenAt: (text) =>
    text === '' ? fine({ salesOpenAt: null }) : named(readTime(text), (salesOpenAt) => ({ salesOpenAt })),
  salesOpenIn: (text, _record, { nowMs }) =>
    text === '' ? fine({}) : named(readCount(text), (days) => ({ salesOpenAt: daysFrom(nowMs, days) })),
  copies: (text) => (text === '' ? fine({}) : named(readCount(text), (copies) => ({ copies }))),
  pages: (text) => {
    if (text === '') return fine({})
    const pages = /^\d{1,5}(?=\D|$)/.exec(text)?.[0]
    if (pages === undefined) return unreadable(`"${startOf(text)}" does not begin with a number of pages`)
    return fine(Number(pages) === 0 ? {} : { details: { pages: Number(pages) } })
  },
  originalTitle: (text) => {
    const originalTitle = cleanLine(text)
      .slice(0, 500)
      .replace(/[\uD800-\uDBFF]$/, '')
    return fine(originalTitle === '' ? {} : { details: { originalTitle } })
  },
  series: (text, record) => {
    const title = cleanLine(text)
    // calibre counts in decimals.
    const number = cleanLine(record.text('seriesNumber'))
      .replace(/^(\d+)\.0+$/, '$1')
      .slice(0, 40)
    const series = { title: title.slice(0, 200), ...(number !== '' && { number }) }
    return fine(title === '' ? {} : { details: { series: [series] } })
  },
}

const everyReader = Object.entries(readers) as [ImportField, Reader][]

/** The currency of the record's own column, else of the price column's name, else the shop's. */
function currencyOf(
  record: Cells,
  ofColumn: string | undefined,
  { shop, findings }: BookContext,
): Read<string> {
  const written = record.text('currency')
  if (written !== '') return readCurrency(written, shop.currency)
  if (ofColumn !== undefined) return { kind: 'ok', value: ofColumn }
  if (!/\p{L}|\p{Sc}/u.test(record.text('price')))
    findings.noteDefault('currency', `${shop.currency} (the shop’s)`)
  return { kind: 'ok', value: shop.currency }
}

/** The people of the first column that names any, and of each further column, whose name may say their role. */
function contributorsOf(record: Cells): { name: string; role: string }[] {
  const main = record.first('contributors')
  const list = main === undefined ? undefined : readJsonList(main.text)
  const written = peopleOf(list)
  if (written !== undefined) return written
  if (list?.every((each) => typeof each === 'string'))
    return list.map((name) => ({ name: cleanLine(name), role: 'author' })).filter(({ name }) => name !== '')
  const more = record.filled('moreContributors')
  const people = [
    ...(main === undefined ? [] : readContributors(cleanNames(main.text), main.nameOrder)),
    ...more.flatMap(({ text, role, nameOrder }) => {
      const named = readContributors(cleanNames(text), nameOrder ?? main?.nameOrder)
      const roles = rolesBeside(record, named.length)
      return named.map(({ name, role: told }, i) => ({ name, role: role ?? roles[i] ?? told }))
    }),
  ]
  const seen = new Set<string>()
  return people.filter(({ name, role }) => {
    const key = `${name}\n${role}`
    return !seen.has(key) && seen.add(key)
  })
}

/** Lines that are whole names are people of their own; others are one name that a cell broke. */
function cleanNames(text: string): string {
  const lines = text
    .split(/[\r\n]+/)
    .map(cleanLine)
    .filter((line) => line !== '')
  return lines.join(lines.every((line) => line.includes(' ')) ? '; ' : ' ')
}

/** LibraryThing writes the roles of its secondary authors in a column of their own; they count where there is one each. */
function rolesBeside(record: Cells, people: number): (string | undefined)[] {
  const roles = record
    .text('moreRoles')
    .split('|')
    .map((text) => readRole(cleanLine(text)).slice(0, 40))
  return roles.length === people ? roles.map((role) => (role === '' ? undefined : role)) : []
}

function peopleOf(list: unknown[] | undefined): { name: string; role: string }[] | undefined {
  const people = list?.map((each) => {
    const { name, role } = (each ?? {}) as { name?: unknown; role?: unknown }
    return typeof name === 'string' && typeof role === 'string' ? { name, role } : undefined
  })
  return people?.every((each) => each !== undefined) ? people : undefined
}

const daysFrom = (nowMs: number, days: number) => new Date(nowMs + days * dayMs).toISOString()
