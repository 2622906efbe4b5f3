import { Compile } from 'typebox/compile'
import { fieldErrors } from '../books/book-fields.ts'
import { NewBook } from '../contract.ts'
import { cleanLine, cleanParagraphs } from './clean-text.ts'
import type { Columns, ImportField } from './columns.ts'
import {
  type Read,
  readContributors,
  readCount,
  readCurrency,
  readDate,
  readIsbn,
  readLanguage,
  readList,
  readPrice,
  readTime,
  readYes,
} from './read-values.ts'
import type { ImportedBook } from './source.ts'

export type ToBookResult =
  | { kind: 'ok'; book: ImportedBook }
  | { kind: 'error'; field: string; message: string }

/** What a record does not say by itself. */
export type BookDefaults = { currency: string; nowMs: number }

/**
 * Makes a book of a record's cells. A field whose column the file does not have is left out, so that an import never
 * empties what it knows nothing of. The first wrong field is the record's error.
 */
export function toBook(cells: readonly string[], columns: Columns, defaults: BookDefaults): ToBookResult {
  const record = new Cells(cells, columns)
  const isbn = readIsbn(record.all('isbn'))
  if (isbn.kind === 'error') return { kind: 'error', field: 'isbn', message: isbn.message }
  const book: Record<string, unknown> = { isbn: isbn.value, title: cleanLine(record.text('title')) }
  if (book.title === '') return { kind: 'error', field: 'title', message: 'is missing' }
  for (const [field, read] of Object.entries(readers) as [ImportField, Reader][]) {
    if (!columns.has(field)) continue
    const result = read(record.text(field), record, defaults)
    if (result.kind === 'error') return { kind: 'error', field, message: result.message }
    Object.assign(book, result.value)
  }
  return checked(book as ImportedBook)
}

class Cells {
  readonly #cells: readonly string[]
  readonly #columns: Columns
  constructor(cells: readonly string[], columns: Columns) {
    this.#cells = cells
    this.#columns = columns
  }
  all(field: ImportField): { name: string; text: string }[] {
    const columns = this.#columns.get(field) ?? []
    return columns.map(({ index, name }) => ({ name, text: (this.#cells[index] ?? '').trim() }))
  }
  text(field: ImportField): string {
    return this.all(field).find(({ text }) => text !== '')?.text ?? ''
  }
}

type Reader = (text: string, record: Cells, defaults: BookDefaults) => Read<Partial<ImportedBook>>

const fine = (value: Partial<ImportedBook>): Read<Partial<ImportedBook>> => ({ kind: 'ok', value })
const named = <T>(read: Read<T>, value: (value: T) => Partial<ImportedBook>): Read<Partial<ImportedBook>> =>
  read.kind === 'error' ? read : fine(value(read.value))

/** An empty cell empties a field that may be empty, and says nothing about one that may not. */
const readers: Partial<Record<ImportField, Reader>> = {
  subtitle: (text) => fine({ subtitle: cleanLine(text) || null }),
  contributors: (text) => fine({ contributors: readContributors(cleanLine(text)) }),
  publisher: (text) => fine({ publisher: cleanLine(text) || null }),
  publishedOn: (text) =>
    text === '' ? fine({ publishedOn: null }) : named(readDate(text), (publishedOn) => ({ publishedOn })),
  language: (text) =>
    text === '' ? fine({ language: null }) : named(readLanguage(text), (language) => ({ language })),
  format: (text) => fine(text === '' ? {} : { format: cleanLine(text) }),
  description: (text) => fine({ description: cleanParagraphs(text) || null }),
  subjects: (text) => fine({ subjects: readList(cleanLine(text)) }),
  price: (text, record, defaults) => {
    if (text === '') return fine({})
    const currency = currencyOf(text, record, defaults)
    if (currency.kind === 'error') return currency
    return named(readPrice(text, currency.value), (amount) => ({
      price: { amount, currency: currency.value },
    }))
  },
  priceAmount: (text, record, defaults) => {
    if (text === '') return fine({})
    const currency = currencyOf('', record, defaults)
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
}

function currencyOf(price: string, record: Cells, defaults: BookDefaults): Read<string> {
  const written = record.text('currency').toUpperCase()
  return written === '' ? readCurrency(price, defaults.currency) : { kind: 'ok', value: written }
}

const dayMs = 86_400_000
const daysFrom = (nowMs: number, days: number) => new Date(nowMs + days * dayMs).toISOString()

const schema = Compile(NewBook)
/** Stands in for the price of a record that has none, which is no fault of the record. */
const somePrice = { amount: 0, currency: 'EUR' }

/**
 * Holds a book against the API's own schema, whose limits are those of every way in. What the book can do without is
 * shortened or left out where it is too long, instead of the book.
 */
export function checked(given: ImportedBook): ToBookResult {
  const book = withinLimits(given)
  const { copies: _copies, ...fields } = book
  const whole = { price: somePrice, ...fields }
  if (!schema.Check(whole)) {
    const [fault] = schema.Errors(whole)
    return { kind: 'error', field: fieldOf(fault?.instancePath ?? ''), message: sentenceOf(fault) }
  }
  const [error] = fieldErrors(whole)
  return error === undefined ? { kind: 'ok', book } : { kind: 'error', ...error }
}

const entriesMax = 50

function withinLimits({
  subtitle,
  contributors,
  publisher,
  description,
  subjects,
  ...book
}: ImportedBook): ImportedBook {
  const fitting = subjects?.filter((subject) => subject.length <= 100).slice(0, entriesMax)
  // A record none of whose subjects fits says nothing of them.
  const isUsable = fitting !== undefined && (fitting.length > 0 || subjects?.length === 0)
  return {
    ...book,
    ...(subtitle !== undefined && { subtitle: shortened(subtitle, 500) }),
    ...(contributors !== undefined && {
      contributors: contributors
        .slice(0, entriesMax)
        .map(({ name, role }) => ({ name: shortened(name, 200), role })),
    }),
    ...(publisher !== undefined && { publisher: shortened(publisher, 200) }),
    ...(description !== undefined && { description: shortened(description, 20_000) }),
    ...(isUsable && { subjects: fitting }),
  }
}

/** Cut after a word, never inside a character. */
function shortened<T extends string | null>(text: T, charactersMax: number): T | string {
  if (text === null || text.length <= charactersMax) return text
  const start = text.slice(0, charactersMax - 1).replace(/[\uD800-\uDBFF]$/, '')
  return `${start.replace(/\s+\S{0,40}$/, '')}…`
}

/** `/contributors/0/name` → `contributors`. */
const fieldOf = (path: string) => path.split('/')[1] ?? ''

function sentenceOf(fault: { keyword: string; message: string; params: unknown } | undefined): string {
  const params = (fault?.params ?? {}) as { limit?: number }
  if (fault?.keyword === 'maxLength') return `is longer than ${params.limit} characters`
  if (fault?.keyword === 'maxItems') return `has more than ${params.limit} entries`
  if (fault?.keyword === 'pattern') return 'has characters or a form not allowed here'
  return fault?.message ?? 'is not valid'
}
