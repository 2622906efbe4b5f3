import { currencyIn, withoutCurrency, withoutOwnCountry } from './column-currency.ts'
import { aliases } from './column-names.ts'
import { type ImportField, importFields } from './import-fields.ts'
import type { DayOrder } from './read-date.ts'
import type { NameOrder } from './read-names.ts'
import type { DecimalMark } from './read-price.ts'
import { type Shop, shopDefaults } from './source.ts'

export { type ImportField, importFields } from './import-fields.ts'

/** For each field its columns by index; where a field has several, the first that holds something counts. */
export type Columns = ReadonlyMap<ImportField, readonly Column[]>
export type Column = {
  index: number
  name: string
  /** The currency that the column's name says, and what its values show. */
  currency?: string
  /** A symbol in the column's name that several currencies share. */
  symbol?: string
  role?: string
  mark?: DecimalMark
  /** Whether the mark is that of the file's format, because no value shows one. */
  isMarkOfFormat?: boolean
  nameOrder?: NameOrder
  dayOrder?: DayOrder
}

export type ColumnsResult =
  | { kind: 'ok'; columns: Columns; tool: string | undefined }
  /** Final where the mapping is at fault or the file, and no other row could be the header. */
  | { kind: 'error'; message: string; isFinal?: true; columnsKnown?: number }

export const columnsMax = 1_000

/** The names of a file's columns, found by their plain forms. */
class Header {
  readonly names: readonly string[]
  readonly plains: readonly string[]
  readonly #byName = new Map<string, number>()
  readonly #bySense = new Map<string, number[]>()

  constructor(names: readonly string[], country: string) {
    this.names = names
    this.plains = names.map(plain)
    for (const [i, name] of this.plains.entries()) if (!this.#byName.has(name)) this.#byName.set(name, i)
    // "Price (EUR)" is a price that says its currency.
    for (const [i, name] of names.entries()) {
      const bare = plain(withoutCurrency(withoutOwnCountry(name.slice(0, nameCharactersMax), country)))
      this.#bySense.set(bare, [...(this.#bySense.get(bare) ?? []), i])
    }
  }

  find(wanted: string): Column | undefined {
    const name = plain(wanted)
    const place = Number(/^#(\d{1,4})$/.exec(wanted)?.[1] ?? 0)
    const exact = this.names.indexOf(wanted)
    if (exact < 0 && place > 0) return place <= this.names.length ? this.at(place - 1) : undefined
    const index = exact >= 0 ? exact : (this.#byName.get(name) ?? this.#bySense.get(name)?.[0])
    return index === undefined ? undefined : this.at(index)
  }

  /** Also `Price (EUR)` and `Price (USD)` beside each other. */
  all(wanted: string): Column[] {
    const first = this.find(wanted)
    const others = this.#bySense.get(plain(wanted)) ?? []
    return [...(first === undefined ? [] : [first]), ...others.map((index) => this.at(index))]
  }

  at(index: number): Column {
    const name = this.names[index] ?? ''
    const currency = currencyIn(name.slice(0, nameCharactersMax))
    const symbol = currency === undefined ? /\p{Sc}/u.exec(name)?.[0] : undefined
    return {
      index,
      name,
      ...(currency !== undefined && { currency }),
      ...(symbol !== undefined && { symbol }),
    }
  }
}

/** A name longer than this is none. */
const nameCharactersMax = 200

/** What a file needs beside the ISBN, if it does not tell of books but of one of their values. */
const worthUpdating: readonly ImportField[] = importFields.filter(
  (field) => !['isbn', 'currency'].includes(field),
)

/**
 * Finds each field's columns in a header. A file without titles changes books that are there.
 * @param mapping column names by field, which replace what the header would say by itself
 * @param shop whose currency's column of prices comes first; a column for its country alone is one of prices
 */
export function readColumns(
  names: readonly string[],
  mapping: ColumnMapping,
  { currency, country }: Pick<Shop, 'currency' | 'country'> = shopDefaults,
): ColumnsResult {
  if (names.length > columnsMax)
    return {
      kind: 'error',
      message: `there are ${names.length} columns, more than ${columnsMax}`,
      isFinal: true,
    }
  const header = new Header(names, country)
  const tool = toolOf(header)
  const columns = new Map<ImportField, Column[]>()
  const left = new Set<number>()
  for (const name of mapping.none ?? []) {
    const column = header.find(name)
    if (column === undefined)
      return { kind: 'error', message: `there is no column "${name}"; ${listOf(names)}` }
    left.add(column.index)
  }
  for (const field of importFields) {
    const named = mapping[field] === undefined ? undefined : [mapping[field]].flat()
    const unknown = named?.find((name) => header.find(name) === undefined)
    if (unknown !== undefined)
      return { kind: 'error', message: `there is no column "${unknown}"; ${listOf(names)}` }
    const told = named?.map((name) => header.find(name)).filter(isFound)
    const found =
      told?.map((column) =>
        field === 'moreContributors' ? { ...column, ...roleIn(column.name) } : column,
      ) ?? byAlias(header, field, tool, currency)
    const read = found.filter(({ index }) => !left.has(index))
    if (read.length > 0) columns.set(field, read)
  }
  // Where a file has no other title, the original one is the title.
  const original = columns.get('originalTitle')
  if (!columns.has('title') && original !== undefined && mapping.originalTitle === undefined) {
    columns.set('title', original)
    columns.delete('originalTitle')
  }
  const mapped = new Set(
    Object.keys(mapping).flatMap((field) =>
      (columns.get(field as ImportField) ?? []).map(({ index }) => index),
    ),
  )
  // A column that somebody maps is not read as something else as well.
  for (const [field, found] of columns)
    if (mapping[field] === undefined) {
      const left = found.filter(({ index }) => !mapped.has(index))
      if (left.length === 0) columns.delete(field)
      else columns.set(field, left)
    }
  const missing: string[] = columns.has('isbn') ? [] : ['isbn']
  if (!worthUpdating.some((field) => columns.has(field))) missing.push('title')
  if (missing.length === 0) return { kind: 'ok', columns, tool: tool?.name }
  const message = `no column holds the ${missing.join(' or the ')}; ${listOf(names)}, or map one: ${missing[0]}=COLUMN`
  return { kind: 'error', message, columnsKnown: columns.size }
}

const isFound = (column: Column | undefined) => column !== undefined

/** Column names by field, and columns that are not to be read. A name may also be `#3`, the third column. */
export type ColumnMapping = Partial<Record<ImportField, string | readonly string[]>> & {
  none?: readonly string[]
}
export type MappingResult = { kind: 'ok'; mapping: ColumnMapping } | { kind: 'error'; message: string }

/** One pair, the column in quotes where its name has a comma or a quote, which is then doubled. */
const pairPattern = /\s*([^=,"]*?)\s*(?:=\s*(?:"((?:[^"]|"")*)"|((?:[^,"][^,]*?)?)))?\s*(?:,|$)/y

/** Reads `isbn=isbn13,title="Name, short",none=Comments`; a field may be named again with a further column. */
export function parseMapping(text: string): MappingResult {
  const mapping: Partial<Record<ImportField | 'none', string[]>> = {}
  pairPattern.lastIndex = 0
  while (pairPattern.lastIndex < text.length) {
    const rest = text.slice(pairPattern.lastIndex, pairPattern.lastIndex + 60)
    const match = pairPattern.exec(text)
    if (match === null) return { kind: 'error', message: `"${rest}" is not FIELD=COLUMN` }
    const [whole, field = '', quoted, bare = ''] = match
    if (whole.replace(/[\s,]/g, '') === '') continue
    const column = quoted === undefined ? bare : quoted.replaceAll('""', '"')
    if (field !== 'none' && !isField(field))
      return {
        kind: 'error',
        message: `"${field}" is not a field; fields are ${importFields.join(', ')}; none leaves a column out`,
      }
    if (column.trim() === '')
      return {
        kind: 'error',
        message: `"${whole.replace(/,$/, '').trim()}" names no column: write ${field}=COLUMN`,
      }
    mapping[field] = [...(mapping[field] ?? []), column]
  }
  return { kind: 'ok', mapping }
}

const isField = (text: string): text is ImportField => (importFields as readonly string[]).includes(text)

/** Programs whose exports are told by a few of their columns, and what of theirs means something else elsewhere. */
type Tool = { name: string; columns: readonly string[]; not: Partial<Record<ImportField, readonly string[]>> }
const tools: readonly Tool[] = [
  {
    name: 'Goodreads',
    columns: ['bookid', 'authorlf', 'exclusiveshelf'],
    not: { publishedOn: ['originalpublicationyear'] },
  },
  { name: 'LibraryThing', columns: ['primaryauthor', 'sortcharacter'], not: { publisher: ['publication'] } },
  {
    name: 'BookWyrm',
    columns: ['authortext', 'remoteid', 'openlibrarykey'],
    not: { publishedOn: ['reviewpublished'] },
  },
  { name: 'calibre', columns: ['authorsort', 'titlesort', 'uuid'], not: { cover: ['cover'] } },
  {
    name: 'WooCommerce',
    columns: ['regularprice', 'published', 'categories'],
    not: { publishedOn: ['published'], format: ['type'] },
  },
  {
    name: 'Shopify',
    columns: ['handle', 'variantprice'],
    not: { publishedOn: ['published'], format: ['type'] },
  },
]

function toolOf(header: Header): Tool | undefined {
  const names = new Set(header.plains)
  return tools.find(({ columns }) => columns.every((column) => names.has(column)))
}

function byAlias(header: Header, field: ImportField, tool: Tool | undefined, currency: string): Column[] {
  const named = aliases[field].flatMap((alias) =>
    field === 'price' ? header.all(alias) : (header.find(alias) ?? []),
  )
  const found = named.filter(({ index }, i) => named.findIndex((each) => each.index === index) === i)
  const unfit = tool?.not[field] ?? []
  const kept = found.filter(({ name }) => !unfit.includes(plain(name)))
  if (field === 'moreContributors') return numbered(header, kept)
  const isForeign = (column: Column) => column.currency !== undefined && column.currency !== currency
  if (field === 'price') return kept.toSorted((a, b) => Number(isForeign(a)) - Number(isForeign(b)))
  // The year of the first edition is this edition's only where nothing else is said.
  return kept.length > 1 ? kept.filter(({ name }) => !plain(name).startsWith('originalpublication')) : kept
}

/** `Author 2`, `Autor 3`: further people, one a column. */
function numbered(header: Header, named: readonly Column[]): Column[] {
  const more = header.plains.flatMap((name, index) =>
    /^(?:author|autor|auteur|autore|contributor)[2-9]$/.test(name) ? [header.at(index)] : [],
  )
  return [...more, ...named.map((column) => ({ ...column, ...roleIn(column.name) }))]
}

function roleIn(name: string): { role?: string } {
  const role = Object.entries(roleNames).find(([, words]) => words.test(plain(name)))?.[0]
  return role === undefined ? {} : { role }
}
const roleNames: Readonly<Record<string, RegExp>> = {
  illustrator: /^ill?ustra/,
  translator: /^(?:translat|ubersetz|traduct|traductor|traduttore|vertaler)/,
  editor: /^(?:editors?|herausgeber|hrsg|curatore|redacteur)$/,
  narrator: /^(?:narrator|sprecher)/,
}

/** Without case, accents, spaces and punctuation. */
export const plain = (name: string) =>
  name
    .slice(0, nameCharactersMax)
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/ß/g, 'ss')
    .replace(/ł/g, 'l')
    .replace(/[^\p{L}\p{N}]/gu, '')

const namesShownMax = 40
function listOf(header: readonly string[]): string {
  const names = header.slice(0, namesShownMax).map((name) => name.slice(0, 60) || '(no name)')
  return `the columns are ${names.join(', ')}`
}
