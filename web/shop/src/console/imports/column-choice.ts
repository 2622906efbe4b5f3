import type { ImportField, ImportReport } from '#services/catalog'

export type ReportColumn = NonNullable<ImportReport['columns']>[number]
/** What each column is to be read as, by its place; `null` is not at all. */
export type ColumnChoice = readonly (ImportField | null)[]

/** What a bookseller calls the fields, in the order in which they look for them. */
export const fieldNames: Readonly<Record<ImportField, string>> = {
  isbn: 'ISBN',
  title: 'Title',
  subtitle: 'Subtitle',
  originalTitle: 'Original title',
  contributors: 'Authors',
  moreContributors: 'Further people',
  moreRoles: 'Roles of further people',
  publisher: 'Publisher',
  publication: 'Publisher, year and pages in one',
  publishedOn: 'Date of publication',
  language: 'Language',
  format: 'Format',
  description: 'Description',
  subjects: 'Subjects',
  series: 'Series',
  seriesNumber: 'Number in the series',
  pages: 'Pages',
  price: 'Price',
  priceAmount: 'Price in cents',
  currency: 'Currency',
  copies: 'Copies owned',
  cover: 'Address of the cover',
  limited: 'Limited edition, yes or no',
  perCustomer: 'Copies for each customer',
  salesOpenAt: 'Opening of the sale',
  salesOpenIn: 'Days until the sale opens',
}
export const isField = (text: string): text is ImportField => Object.hasOwn(fieldNames, text)

export const choiceOf = (columns: readonly ReportColumn[]): ColumnChoice =>
  columns.map(({ field }) => (field !== null && isField(field) ? field : null))

/**
 * The choice for the import's `map`: every column by its place, so that no name can be taken for another one. Of a
 * field's columns those that it had keep their order, and new ones follow.
 */
export function mapOf(columns: readonly ReportColumn[], choice: ColumnChoice): string {
  const placed = columns.map((column, i) => ({ ...column, place: i + 1, chosen: choice[i] ?? null }))
  const rankOf = ({ field, chosen, rank }: (typeof placed)[number]) =>
    field === chosen ? rank : Number.MAX_SAFE_INTEGER
  const inOrder = placed.toSorted((a, b) => rankOf(a) - rankOf(b) || a.place - b.place)
  const read = [...new Set(choice)].filter((field) => field !== null)
  const pairs = read.flatMap((field) =>
    inOrder.filter(({ chosen }) => chosen === field).map(({ place }) => `${field}=#${place}`),
  )
  const left = placed.filter(({ chosen }) => chosen === null).map(({ place }) => `none=#${place}`)
  return [...pairs, ...left].join(',')
}
