/** What a column of a file can say about a book. */
export const importFields = [
  'isbn',
  'title',
  'subtitle',
  'contributors',
  'publisher',
  'publishedOn',
  'language',
  'format',
  'description',
  'subjects',
  'price',
  'priceAmount',
  'currency',
  'cover',
  'limited',
  'perCustomer',
  'salesOpenAt',
  'salesOpenIn',
  'copies',
] as const
export type ImportField = (typeof importFields)[number]

/** For each field its columns by index; where a field has several, the first that holds something counts. */
export type Columns = ReadonlyMap<ImportField, readonly Column[]>
export type Column = { index: number; name: string }

/** Fields by the names that files give them, without case, spaces and punctuation, in order of trust. */
const aliases: Readonly<Record<ImportField, readonly string[]>> = {
  isbn: ['isbn', 'isbn13', 'isbn10', 'ean', 'ean13', 'gtin', 'gtin13'],
  title: ['title', 'booktitle', 'name', 'originaltitle'],
  subtitle: ['subtitle'],
  contributors: ['contributors', 'authors', 'author', 'creators', 'creator'],
  publisher: ['publisher', 'imprint'],
  publishedOn: [
    'publishedon',
    'publicationdate',
    'published',
    'pubdate',
    'originalpublicationyear',
    'publicationyear',
    'year',
  ],
  language: ['language', 'languagecode', 'lang'],
  format: ['format', 'binding'],
  description: ['description', 'blurb', 'synopsis', 'annotation'],
  subjects: ['subjects', 'subject', 'categories', 'category', 'genres', 'genre', 'keywords'],
  price: ['price', 'listprice', 'retailprice'],
  priceAmount: ['priceamount'],
  currency: ['currency', 'pricecurrency', 'currencycode'],
  // Pictures of other shops are not ours to show: a cover is taken only where a mapping asks for it.
  cover: [],
  limited: ['limited', 'limitededition'],
  perCustomer: ['percustomer'],
  salesOpenAt: ['salesopenat', 'onsaledate'],
  salesOpenIn: ['salesopenin'],
  copies: ['copies', 'stock', 'quantity', 'qty', 'onhand'],
}

export type ColumnsResult = { kind: 'ok'; columns: Columns } | { kind: 'error'; message: string }

/**
 * Finds each field's columns in a header.
 * @param mapping column names by field, which replace what the header would say by itself
 */
export function readColumns(header: readonly string[], mapping: ColumnMapping): ColumnsResult {
  const columns = new Map<ImportField, Column[]>()
  for (const field of importFields) {
    const named = mapping[field]
    const found = named === undefined ? byAlias(header, field) : byName(header, named)
    if (named !== undefined && found.length === 0)
      return { kind: 'error', message: `there is no column "${named}"; ${listOf(header)}` }
    if (found.length > 0) columns.set(field, found)
  }
  const missing = (['isbn', 'title'] as const).filter((field) => !columns.has(field))
  if (missing.length === 0) return { kind: 'ok', columns }
  const message = `no column holds the ${missing.join(' or the ')}; ${listOf(header)}, or map one: ${missing[0]}=COLUMN`
  return { kind: 'error', message }
}

export type ColumnMapping = Partial<Record<ImportField, string>>
export type MappingResult = { kind: 'ok'; mapping: ColumnMapping } | { kind: 'error'; message: string }

/** Reads `isbn=isbn13,title=name`. */
export function parseMapping(text: string): MappingResult {
  const mapping: ColumnMapping = {}
  for (const pair of text.split(',').filter((part) => part.trim() !== '')) {
    const [field = '', column = ''] = pair.split('=', 2).map((part) => part.trim())
    if (!isField(field))
      return { kind: 'error', message: `"${field}" is not a field; fields are ${importFields.join(', ')}` }
    if (column === '') return { kind: 'error', message: `"${pair}" names no column: write ${field}=COLUMN` }
    mapping[field] = column
  }
  return { kind: 'ok', mapping }
}

const isField = (text: string): text is ImportField => (importFields as readonly string[]).includes(text)

function byAlias(header: readonly string[], field: ImportField): Column[] {
  return aliases[field].flatMap((alias) => byName(header, alias))
}

function byName(header: readonly string[], wanted: string): Column[] {
  const index = header.findIndex((name) => plain(name) === plain(wanted))
  return index < 0 ? [] : [{ index, name: header[index] ?? '' }]
}

const plain = (name: string) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')

const namesShownMax = 40
function listOf(header: readonly string[]): string {
  const names = header.slice(0, namesShownMax).map((name) => name.slice(0, 60) || '(no name)')
  return `the columns are ${names.join(', ')}`
}
