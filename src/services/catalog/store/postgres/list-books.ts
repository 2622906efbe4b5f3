import type { Statements } from '#ports/database'
import type { BookRow } from '../../books/book-row.ts'
import type { WordSearch } from '../../search/search.ts'
import {
  type BookCounts,
  type BookFilter,
  type BookOrder,
  type BookPage,
  countedMax,
  facetValuesMax,
  orderKeys,
  type PageQuery,
} from '../book-store.ts'
import { bookColumns, bookTables, rankWeights } from './book-rows.ts'
import { inFull, matching } from './find-words.ts'

/** Collects parameters and hands out their `$1`, `$2`, … */
class Parameters {
  readonly values: unknown[] = []
  add(value: unknown): string {
    return `$${this.values.push(value)}`
  }
}

/**
 * The page's keys are found first and only its own books are then read whole. Every order but relevance has an index
 * that begins at the page's place, so a page costs what it shows, however many books there are.
 */
export async function bookPage(
  database: Pick<Statements, 'query'>,
  { filter, order, after, limit }: PageQuery,
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
  const found = `SELECT ${keys.map((key, i) => `${key} AS k${i}`).join(', ')}, ${isbn} AS isbn FROM ${bookTables}`
  const end = parameters.add(limit + 1)
  const page =
    order === 'bestselling' && place !== undefined && (await areFew(database, filter))
      ? `found AS MATERIALIZED (${found} WHERE ${where}),
         page AS (SELECT * FROM found page WHERE ${beyond(names)} ORDER BY ${sorted(names)} LIMIT ${end})`
      : `page AS (${found} WHERE ${where} AND ${beyond(columns)} ORDER BY ${sorted(columns)} LIMIT ${end})`
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

/** So few books are sorted whole for each of their pages; of more than these some are soon met on the way along an index. */
const fewMax = 500

/**
 * Whether few books meet a choice. Most books have sold none, and PostgreSQL takes what lies beyond a place among equals
 * for next to nothing: it would walk along the order's index past almost every book in search of them.
 */
async function areFew(database: Pick<Statements, 'query'>, filter: BookFilter): Promise<boolean> {
  const parameters = new Parameters()
  const conditions = allOf(conditionsOf(filter, parameters))
  if (conditions === everything) return false
  const [row] = await database.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM (SELECT FROM ${tablesOf(filter)} WHERE ${conditions} LIMIT ${fewMax + 1}) few`,
    parameters.values,
  )
  return (row?.count ?? 0) <= fewMax
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

/** Where the conditions look; only whether a copy can be bought needs the stock. */
const tablesOf = ({ available }: BookFilter) => (available === undefined ? 'catalog.books b' : bookTables)

/** What facets count of the books that match, up to one more than is counted. */
function counted(conditions: Conditions, filter: BookFilter): string {
  return `SELECT b.subjects, b.format, b.language_primary AS language FROM ${tablesOf(filter)}
           WHERE ${allOf(conditions)} LIMIT ${countedMax + 1}`
}

/** Over `bookTables`; facets leave one of the last three out. */
type Conditions = { base: string; subject: string; format: string; language: string }

const everything = 'true'
/** What has no known price comes behind every one that has. */
const priceUp = `coalesce(b.price_amount, ${Number.MAX_SAFE_INTEGER})`
const allOf = (conditions: Conditions) =>
  Object.values(conditions)
    .filter((each) => each !== everything)
    .join(' AND ') || everything

function conditionsOf(filter: BookFilter, parameters: Parameters): Conditions {
  const { search, subject, format, limited, available, minPrice, maxPrice } = filter
  const base: string[] = []
  if (search.kind === 'words') base.push(`b.search @@ ${parameters.add(matching(search))}::tsquery`)
  if (search.kind === 'nothing') base.push('false')
  if (limited !== undefined) base.push(`b.limited = ${parameters.add(limited)}`)
  if (available !== undefined) {
    const now = parameters.add(new Date(filter.nowMs))
    const isOpen = `(b.sales_open_at IS NULL OR b.sales_open_at <= ${now}::timestamptz)`
    base.push(
      `${available ? '' : 'NOT '}(s.copies - s.held - s.sold > 0 AND b.price_amount IS NOT NULL AND ${isOpen})`,
    )
  }
  if (minPrice !== undefined)
    base.push(`b.price_amount IS NOT NULL AND ${priceUp} >= ${parameters.add(minPrice)}`)
  if (maxPrice !== undefined)
    base.push(`b.price_amount IS NOT NULL AND ${priceUp} <= ${parameters.add(maxPrice)}`)
  return {
    base: base.length === 0 ? everything : base.join(' AND '),
    subject: subject === undefined ? everything : `b.subjects @> ARRAY[${parameters.add(subject)}::text]`,
    format: format === undefined ? everything : `b.format = ${parameters.add(format)}`,
    language: languageCondition(filter.language, parameters),
  }
}

function languageCondition(range: string | undefined, parameters: Parameters): string {
  if (range === undefined) return everything
  const given = parameters.add(range.toLowerCase())
  return `(lower(b.language) = ${given} OR starts_with(lower(b.language), ${given} || '-'))`
}

/** Negated, so that books that sold alike follow in ISBN order, as everywhere else. */
const mostSold = '(-s.sold)'

/** What an order sorts by before the ISBN, as `orderKeys` has it; all keys of one order in one direction. */
function keysOf(order: BookOrder, { search }: BookFilter, parameters: Parameters): string[] {
  switch (order) {
    case 'title':
      return ['b.title_folded']
    // What has no known price comes last either way.
    case 'price':
      return [priceUp]
    case '-price':
      return ['coalesce(b.price_amount, -1)']
    case '-publishedOn':
      return ['b.published_sort']
    case 'bestselling':
      return [mostSold]
    case 'relevance':
      return [search.kind === 'words' ? `-${scoreOf(search, parameters)}` : '0', mostSold]
  }
}

/** The title's score, and text rank in coarse steps, so that what sells decides between books that fit about as well. */
function scoreOf(search: WordSearch, parameters: Parameters): string {
  const { is, begins, holds, series } = search.title
  const texts = (values: readonly string[]) => `${parameters.add(values)}::text[]`
  const stands = (parts: readonly string[]) =>
    `EXISTS (SELECT FROM unnest(${texts(parts)}) AS part WHERE strpos(lower(b.title), part) > 0)`
  const whole = `${parameters.add(inFull(search))}::tsquery`
  const part = `${parameters.add(matching(search))}::tsquery`
  return `(CASE
    WHEN b.title_folded = ANY(${texts(is.titles)}) THEN ${is.score}
    WHEN EXISTS (SELECT FROM unnest(${texts(begins.beginnings)}) AS beginning
                  WHERE starts_with(b.title_folded, beginning)) THEN ${begins.score}
    WHEN EXISTS (SELECT FROM unnest(${texts(holds.parts)}) AS part
                  WHERE strpos(' ' || b.title_folded || ' ', part) > 0) THEN ${holds.score}
    ELSE 0 END
    + ${series.score} * ((${stands(series.parts)})::int + (${stands(series.firsts)})::int)
    + round(20 * ts_rank(${rankWeights}, b.search, ${whole}, 1) + 10 * ts_rank(${rankWeights}, b.search, ${part}, 1))::int)`
}
