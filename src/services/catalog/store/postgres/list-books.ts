import type { Statements } from '#ports/database'
import type { BookRow } from '../../books/book-row.ts'
import type { WordSearch } from '../../search/word-search.ts'
import {
  type BookCounts,
  type BookFilter,
  type BookPage,
  countedMax,
  facetValuesMax,
  orderKeys,
  type PageQuery,
} from '../book-store.ts'
import { bookColumns, bookTables } from './book-rows.ts'
import { allOf, type Conditions, conditionsOf, everything, Parameters, tablesOf } from './filter-sql.ts'
import { keysOf, mostSold } from './order-sql.ts'

/** So few books are sorted whole for each of their pages; of more than these some are soon met on the way along an index. */
const fewMax = 5_000
/** Of more books than are counted, so many that have the words in a row and so many that sell best are ranked. */
const rankedMax = 120

/** Looked up one by one: for some books of a small catalogue the planner would read the stock of all. */
const eachWithItsStock =
  'catalog.books b CROSS JOIN LATERAL (SELECT * FROM catalog.stock WHERE isbn = b.isbn OFFSET 0) s'

/**
 * The page's keys are found first and only its own books are then read whole. Every order but relevance has an index
 * that begins at the page's place, so a page costs what it shows, however many books there are; where few of them match,
 * those are sorted, because a walk along the index would pass almost every book in search of them.
 */
export async function bookPage(
  database: Pick<Statements, 'query'>,
  { filter, order, after, limit, matches }: PageQuery,
): Promise<BookPage> {
  const parameters = new Parameters()
  const where = allOf(conditionsOf(filter, parameters))
  const keys = keysOf(order, filter, parameters)
  // The side whose index has the order.
  const isbn = order === 'bestselling' ? 's.isbn' : 'b.isbn'
  const columns = [...keys, isbn]
  const direction = order.startsWith('-') ? 'DESC' : 'ASC'
  const sorted = (names: readonly string[]) => names.map((name) => `${name} ${direction}`).join(', ')
  const types = [...orderKeys[order], 'string'].map((type) => (type === 'number' ? 'bigint' : 'text'))
  const place = after?.map((part, i) => `${parameters.add(part)}::${types[i]}`)
  const names = [...keys.map((_, i) => `page.k${i}`), 'page.isbn']
  const beyond = (of: readonly string[]) =>
    place === undefined
      ? everything
      : `(${of.join(', ')}) ${direction === 'ASC' ? '>' : '<'} (${place.join(', ')})`
  const end = parameters.add(limit + 1)
  const from = (tables: string) =>
    `SELECT ${keys.map((key, i) => `${key} AS k${i}`).join(', ')}, ${isbn} AS isbn FROM ${tables}`
  const sortedWhole = (found: string) => `found AS MATERIALIZED (${found}),
    page AS (SELECT * FROM found page WHERE ${beyond(names)} ORDER BY ${sorted(names)} LIMIT ${end})`
  const alongIndex = () =>
    `page AS (${from(bookTables)} WHERE ${where} AND ${beyond(columns)} ORDER BY ${sorted(columns)} LIMIT ${end})`
  const some = filter.available === true ? bookTables : eachWithItsStock
  const isFew = where !== everything && matches !== undefined && matches <= fewMax
  const isMany = matches === undefined || matches >= countedMax
  const page =
    order === 'relevance' && isMany && filter.search.kind === 'words'
      ? sortedWhole(
          `${from(some)} WHERE ${where} AND b.isbn IN (${likeliest(filter.search, where, parameters)})`,
        )
      : order === 'relevance' || isFew
        ? sortedWhole(`${from(some)} WHERE ${where}`)
        : alongIndex()
  const rows = await database.query<BookRow & { keys: (string | number)[] }>(
    `WITH ${page}
     SELECT ${bookColumns}, jsonb_build_array(${keys.map((_, i) => `page.k${i}`).join(', ')}) AS keys
       FROM page JOIN catalog.books b USING (isbn) JOIN catalog.stock s USING (isbn)
      ORDER BY ${sorted(names)}`,
    parameters.values,
  )
  const books = rows.slice(0, limit)
  const last = rows.length > limit ? books.at(-1) : undefined
  return { books, last: last === undefined ? null : [...last.keys, last.isbn] }
}

/**
 * Of very many books that have the words, those that can come first by relevance: titles that are the words or begin with
 * them, and what sells best. Ranking all of them would cost what the catalogue has.
 */
function likeliest({ title }: WordSearch, where: string, parameters: Parameters): string {
  const titles = `${parameters.add(title.is.titles)}::text[]`
  const beginnings = `${parameters.add(title.begins.beginnings)}::text[]`
  const most = parameters.add(rankedMax)
  return `
    (SELECT isbn FROM catalog.books WHERE title_folded = ANY(${titles}) LIMIT ${most})
    UNION ALL
    (SELECT begun.isbn FROM unnest(${beginnings}) AS beginning, LATERAL (
       SELECT isbn FROM catalog.books
        WHERE title_folded >= beginning COLLATE pg_c_utf8
          AND title_folded < beginning || U&'\\+10FFFF' COLLATE pg_c_utf8
        ORDER BY title_folded, isbn LIMIT ${most}) begun)
    UNION ALL
    (SELECT s.isbn FROM ${bookTables} WHERE ${where} ORDER BY ${mostSold}, s.isbn LIMIT ${most})`
}

/**
 * A facet counts with the other filters in force and without its own: what choosing each of its values would give.
 * Nothing counts more than `countedMax` books, so that counting costs the same in a catalogue of any size.
 */
export async function bookCounts(
  database: Pick<Statements, 'query'>,
  filter: BookFilter,
): Promise<BookCounts> {
  const parameters = new Parameters()
  const conditions = conditionsOf(filter, parameters)
  const facet = (value: string, own: keyof Conditions) => {
    // Where nothing is chosen in a facet, its books are those of the list.
    const rows =
      conditions[own] === everything
        ? 'found'
        : `(${counted({ ...conditions, [own]: everything }, filter)}) others`
    return `(SELECT coalesce(jsonb_agg(jsonb_build_object('value', value, 'count', count)
                                ORDER BY count DESC, value COLLATE "C"), '[]')
        FROM (SELECT value, count(*) FROM (SELECT ${value} AS value FROM ${rows}) v WHERE value IS NOT NULL GROUP BY value
               ORDER BY count DESC, value COLLATE "C" LIMIT ${facetValuesMax}) t)`
  }
  const [row] = await database.query<Omit<BookCounts, 'totalIsLowerBound'>>(
    `WITH found AS MATERIALIZED (${counted(conditions, filter)})
     SELECT (SELECT count(*) FROM found) AS total,
            ${facet('unnest(subjects)', 'subject')} AS subject,
            ${facet('format', 'format')} AS format,
            ${facet('language', 'language')} AS language`,
    parameters.values,
  )
  const { total = 0, subject = [], format = [], language = [] } = row ?? {}
  const totalIsLowerBound = total > countedMax
  return { total: Math.min(total, countedMax), totalIsLowerBound, subject, format, language }
}

/** What facets count of the books that match, up to one more than is counted. */
function counted(conditions: Conditions, filter: BookFilter): string {
  return `SELECT b.subjects, b.format, b.language_primary AS language FROM ${tablesOf(filter)}
           WHERE ${allOf(conditions)} LIMIT ${countedMax + 1}`
}
