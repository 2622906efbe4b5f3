import type { Statements } from '#ports/database'
import type { BookRow } from '../../books/book-row.ts'
import type { WordSearch } from '../../search/word-search.ts'
import {
  type BookCounts,
  type BookFilter,
  type BookOrder,
  type BookPage,
  countedMax,
  facetValuesMax,
  type PageQuery,
  type Place,
} from '../book-store.ts'
import { matchingBooks, type Sql } from './find-words.ts'
import { list, readBooks } from './rows.ts'
import { pointsPerUnit } from './words.ts'

/** The page's keys are found first, along an index where the order has one, and only its own books are read whole. */
export async function bookPage(
  database: Pick<Statements, 'query'>,
  { filter, order, after, limit }: PageQuery,
): Promise<BookPage> {
  const { from, conditions } = listed(filter, await matched(database, filter), booksWithStock)
  const keys = keysOf(order, filter)
  const isbn = order === 'bestselling' ? 's.isbn' : 'b.isbn'
  const direction = order.startsWith('-') ? 'DESC' : 'ASC'
  const beyond =
    after === undefined ? everything : beyondPlace([...keys, { sql: isbn, params: [] }], after, direction)
  const where = both([conditions, beyond])
  const names = [...keys.map((_, i) => `k${i}`), 'isbn']
  // A negated column's order is its index's backwards; the server does not see that by itself.
  const sorted =
    order === 'bestselling' ? 's.sold DESC, s.isbn' : names.map((name) => `${name} ${direction}`).join(', ')
  const found = await database.query<Record<string, string | number>>(
    `SELECT ${keys.map(({ sql }, i) => `${sql} AS k${i}`).join(', ')}, ${isbn} AS isbn
       FROM ${from.sql} WHERE ${where.sql} ORDER BY ${sorted} LIMIT ?`,
    [...keys.flatMap(({ params }) => params), ...from.params, ...where.params, limit + 1],
  )
  const shown = found.slice(0, limit)
  const books = await booksOf(
    database,
    shown.map((row) => String(row.isbn)),
  )
  const last = found.length > limit ? shown.at(-1) : undefined
  return { books, last: last === undefined ? null : names.map((name) => last[name] ?? '') }
}

/** In the given order; one that was removed meanwhile is left out. */
async function booksOf(database: Pick<Statements, 'query'>, isbns: readonly string[]): Promise<BookRow[]> {
  if (isbns.length === 0) return []
  const rows = await readBooks(database, `WHERE b.isbn IN (${list(isbns.length)})`, isbns)
  const byIsbn = new Map(rows.map((row) => [row.isbn, row]))
  return isbns.flatMap((isbn) => byIsbn.get(isbn) ?? [])
}

/**
 * A facet counts with the other filters in force and without its own: what choosing each of its values would give. Books
 * are counted by format and language at once, which tells of both, and of how many there are.
 */
export async function bookCounts(
  database: Pick<Statements, 'query'>,
  filter: BookFilter,
): Promise<BookCounts> {
  const { subject, format, language, ...others } = filter
  const matching = await matched(database, filter)
  const tables = filter.available === undefined ? 'books b' : booksWithStock
  const count = async <Row>(own: BookFilter, sql: (found: string) => string): Promise<Row[]> => {
    const { from, conditions } = listed(own, matching, tables)
    const found = `(SELECT b.isbn, b.format, b.language_primary AS language FROM ${from.sql}
                     WHERE ${conditions.sql} LIMIT ${countedMax + 1}) found`
    return await database.query<Row>(sql(found), [...from.params, ...conditions.params])
  }
  const pairs = (own: BookFilter) =>
    count<Pair>(
      own,
      (found) => `SELECT format, language, count(*) AS count FROM ${found} GROUP BY format, language`,
    )
  const subjects = (own: BookFilter) =>
    count<FacetRow>(
      own,
      (
        found,
      ) => `SELECT x.subject AS value, count(*) AS count FROM ${found} JOIN book_subjects x ON x.isbn = found.isbn
                   GROUP BY x.subject ORDER BY count DESC, value LIMIT ${facetValuesMax}`,
    )
  const chosen = {
    subject: { ...(subject !== undefined && { subject }) },
    format: { ...(format !== undefined && { format }) },
    language: { ...(language !== undefined && { language }) },
  }
  const [found, bySubject, byFormat, byLanguage] = await Promise.all([
    pairs(filter),
    subjects({ ...others, ...chosen.format, ...chosen.language }),
    format === undefined ? undefined : pairs({ ...others, ...chosen.subject, ...chosen.language }),
    language === undefined ? undefined : pairs({ ...others, ...chosen.subject, ...chosen.format }),
  ])
  const total = found.reduce((sum, pair) => sum + pair.count, 0)
  return {
    total: Math.min(total, countedMax),
    totalIsLowerBound: total > countedMax,
    subject: bySubject,
    format: facetOf(byFormat ?? found, 'format'),
    language: facetOf(byLanguage ?? found, 'language'),
  }
}

type FacetRow = { value: string; count: number }
type Pair = { format: string; language: string | null; count: number }

/** The most frequent first, and those alike in count by code point. */
function facetOf(pairs: readonly Pair[], name: 'format' | 'language'): FacetRow[] {
  const counts = new Map<string, number>()
  for (const { [name]: value, count } of pairs)
    if (value !== null) counts.set(value, (counts.get(value) ?? 0) + count)
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || Buffer.compare(Buffer.from(a.value), Buffer.from(b.value)))
    .slice(0, facetValuesMax)
}

const everything: Sql = { sql: 'TRUE', params: [] }

const booksWithStock = 'books b JOIN stock s ON s.isbn = b.isbn'

/** What matches the words of a search that has some. */
async function matched(
  database: Pick<Statements, 'query'>,
  { search }: BookFilter,
): Promise<Sql | undefined> {
  return search.kind === 'words' ? await matchingBooks(database, search) : undefined
}

/** Where a list looks, and what its books have to be. */
function listed(
  filter: BookFilter,
  matching: Sql | undefined,
  tables: string,
): { from: Sql; conditions: Sql } {
  const conditions = conditionsOf(filter)
  if (matching === undefined) return { from: { sql: tables, params: [] }, conditions }
  const { sql, params } = matching
  return { from: { sql: `(${sql}) m JOIN (${tables}) ON b.isbn = m.isbn`, params }, conditions }
}

function conditionsOf(filter: BookFilter): Sql {
  const { search, subject, themaWord, format, language, limited, available, minPrice, maxPrice } = filter
  const all: Sql[] = []
  if (search.kind === 'nothing') all.push({ sql: 'FALSE', params: [] })
  if (limited !== undefined) all.push({ sql: 'b.limited = ?', params: [limited ? 1 : 0] })
  if (available !== undefined)
    all.push({
      sql: `${available ? '' : 'NOT '}(s.copies - s.held - s.sold > 0 AND b.price_amount IS NOT NULL
              AND (b.sales_open_at IS NULL OR b.sales_open_at <= ?))`,
      params: [new Date(filter.nowMs)],
    })
  if (minPrice !== undefined) all.push({ sql: 'b.price_amount >= ?', params: [minPrice] })
  if (maxPrice !== undefined) all.push({ sql: 'b.price_amount <= ?', params: [maxPrice] })
  if (subject !== undefined)
    all.push({
      sql: 'EXISTS (SELECT 1 FROM book_subjects x WHERE x.subject = ? AND x.isbn = b.isbn)',
      params: [subject],
    })
  if (themaWord !== undefined)
    all.push({
      sql: 'b.isbn IN (SELECT isbn FROM book_words WHERE word LIKE ?)',
      params: [`${themaWord}%`],
    })
  if (format !== undefined) all.push({ sql: 'b.format = ?', params: [format] })
  if (language !== undefined)
    all.push({
      sql: '(b.language_folded = ? OR b.language_folded LIKE ?)',
      params: [language.toLowerCase(), `${language.toLowerCase().replace(/[\\%_]/g, '\\$&')}-%`],
    })
  return both(all)
}

function both(all: readonly Sql[]): Sql {
  const some = all.filter((each) => each !== everything)
  if (some.length === 0) return everything
  return {
    sql: some.map(({ sql }) => `(${sql})`).join(' AND '),
    params: some.flatMap(({ params }) => params),
  }
}

/** `(a, b) > (x, y)`, in the form that indexes are used for; what each part begins with is said once more before it. */
function beyondPlace(keys: readonly Sql[], place: Place, direction: 'ASC' | 'DESC'): Sql {
  const than = direction === 'ASC' ? '>' : '<'
  const ways = keys.map((key, i) => {
    const before = keys.slice(0, i)
    return {
      sql: [...before.map(({ sql }) => `${sql} = ?`), `${key.sql} ${than} ?`].join(' AND '),
      params: [...before, key].flatMap(({ params }, j) => [...params, place[j]]),
    }
  })
  const [first] = keys
  if (first === undefined) return everything
  return {
    sql: `${first.sql} ${than}= ? AND (${ways.map(({ sql }) => `(${sql})`).join(' OR ')})`,
    params: [...first.params, place[0], ...ways.flatMap(({ params }) => params)],
  }
}

const column = (sql: string): Sql => ({ sql, params: [] })
/** Negated, so that books that sold alike follow in ISBN order, as everywhere else. */
const mostSold = column('-s.sold')

/** What an order sorts by before the ISBN, as `orderKeys` has it; all keys of one order in one direction. */
function keysOf(order: BookOrder, { search }: BookFilter): Sql[] {
  switch (order) {
    case 'title':
      return [column('b.title_folded')]
    case 'price':
      return [column('b.price_up')]
    case '-price':
      return [column('b.price_down')]
    case '-publishedOn':
      return [column('b.published_sort')]
    case 'bestselling':
      return [mostSold]
    case 'relevance':
      return [search.kind === 'words' ? scoreOf(search) : column('0'), mostSold]
  }
}

/** The title's score, and text rank in coarse steps, so that what sells decides between books that fit about as well. */
function scoreOf({ title: { is, begins, holds, series } }: WordSearch): Sql {
  const stands = (parts: readonly string[]) => parts.map(() => 'INSTR(LOWER(b.title), ?) > 0').join(' OR ')
  return {
    sql: `-(CASE WHEN b.title_folded IN (${list(is.titles.length)}) THEN ${is.score}
      WHEN ${begins.beginnings.map(() => 'b.title_folded LIKE ?').join(' OR ')} THEN ${begins.score}
      WHEN ${holds.parts.map(() => "INSTR(CONCAT(' ', b.title_folded, ' '), ?) > 0").join(' OR ')} THEN ${holds.score}
      ELSE 0 END
      + ${series.score} * ((${stands(series.parts)}) + (${stands(series.firsts)}))
      + CAST(ROUND((20 * m.whole + 10 * m.part) / ${pointsPerUnit}) AS SIGNED))`,
    params: [
      ...is.titles,
      ...begins.beginnings.map((beginning) => `${beginning}%`),
      ...holds.parts,
      ...series.parts,
      ...series.firsts,
    ],
  }
}
