import type { Statements } from '#ports/database'
import type { BookRow } from '../../books/book-row.ts'
import type { WordSearch } from '../../search/word-search.ts'
import { type BookFilter, type BookPage, countedMax, type PageQuery, type Place } from '../book-store.ts'
import { conditionsOf, fewMax, listed } from './filter-sql.ts'
import { rankedBooks } from './matching-sql.ts'
import { beyondPlace, indexOf, keysOf } from './order-sql.ts'
import { list, readBooks } from './rows.ts'
import { both, everything, type Sql } from './sql.ts'

/** Of more books than are counted, so many that have the words in a row and so many that sell best are ranked. */
const rankedMax = 120

type Found = Record<string, string | number>

/**
 * The page's keys are found first and only its own books are then read whole. Every order but relevance has an index
 * that begins at the page's place, so a page costs what it shows, however many books there are; where few of them match,
 * those are sorted, because a walk along the index would pass almost every book in search of them. Left to itself the
 * server takes the wrong one of the two ways.
 */
export async function bookPage(database: Pick<Statements, 'query'>, query: PageQuery): Promise<BookPage> {
  const { filter, order, limit, matches } = query
  const isFew = matches !== undefined && matches <= fewMax && conditionsOf(filter) !== everything
  const found =
    order === 'relevance' || isFew
      ? await sortedWhole(database, query)
      : await alongIndex(database, query, order)
  const shown = found.slice(0, limit)
  const books = await booksOf(
    database,
    shown.map((row) => String(row.isbn)),
  )
  const last = found.length > limit ? shown.at(-1) : undefined
  const names = [...keysOf(order, filter).map((_, i) => `k${i}`), 'isbn']
  return { books, last: last === undefined ? null : names.map((name) => last[name] ?? '') }
}

const directionOf = (order: PageQuery['order']) => (order.startsWith('-') ? 'DESC' : 'ASC')

async function sortedWhole(
  database: Pick<Statements, 'query'>,
  { filter, order, after, limit, matches }: PageQuery,
): Promise<Found[]> {
  const { search } = filter
  const isRanked = order === 'relevance' && search.kind === 'words'
  const { from, conditions } = isRanked
    ? await ranked(database, filter, search, matches === undefined || matches >= countedMax)
    : await listed(database, filter, {
        withStock: order === 'bestselling' || order === 'relevance',
        limit: countedMax,
      })
  const keys = keysOf(order, filter)
  const names = [...keys.map((_, i) => `k${i}`), 'isbn']
  const beyond = after === undefined ? everything : beyondPlace(names, after, directionOf(order))
  // Found first and sorted then: without a limit of its own the server would take it for one with the statement around it.
  const isFew = order === 'relevance' ? '' : ` LIMIT ${countedMax}`
  return await database.query<Found>(
    `SELECT * FROM (SELECT ${keys.map(({ sql }, i) => `${sql} AS k${i}`).join(', ')}, b.isbn AS isbn
                      FROM ${from.sql} WHERE ${conditions.sql}${isFew}) found
      WHERE ${beyond.sql} ORDER BY ${names.map((name) => `${name} ${directionOf(order)}`).join(', ')} LIMIT ?`,
    [
      ...keys.flatMap(({ params }) => params),
      ...from.params,
      ...conditions.params,
      ...beyond.params,
      limit + 1,
    ],
  )
}

/** Books with what their words say of them; of very many only those that can come first. */
async function ranked(
  database: Pick<Statements, 'query'>,
  filter: BookFilter,
  search: WordSearch,
  isMany: boolean,
) {
  const among = isMany ? likeliest(search, filter) : undefined
  const matching = await rankedBooks(database, search, among)
  const conditions = conditionsOf({ ...filter, search: { kind: 'all' } })
  return {
    from: {
      sql: `(${matching.sql}) m JOIN (books b JOIN stock s ON s.isbn = b.isbn) ON b.isbn = m.isbn`,
      params: matching.params,
    },
    conditions,
  }
}

/**
 * Of very many books that have the words, those that can come first by relevance: titles that are the words or begin with
 * them, and what sells best. Ranking all of them would cost what the catalogue has.
 */
function likeliest({ title }: WordSearch, filter: BookFilter): Sql {
  const where = conditionsOf(filter)
  const { titles } = title.is
  const beginnings = title.begins.beginnings.map(
    () => `(SELECT isbn FROM books WHERE title_folded LIKE ? ORDER BY title_folded, isbn LIMIT ${rankedMax})`,
  )
  return {
    sql: [
      `(SELECT isbn FROM books WHERE title_folded IN (${list(titles.length)}) LIMIT ${rankedMax})`,
      ...beginnings,
      `(SELECT s.isbn FROM ${bestSelling(true)} WHERE ${where.sql} ORDER BY s.sold DESC, s.isbn LIMIT ${rankedMax})`,
    ].join(' UNION '),
    params: [...titles, ...title.begins.beginnings.map((beginning) => `${beginning}%`), ...where.params],
  }
}

const bestSelling = (withBooks: boolean) =>
  `stock s FORCE INDEX (${indexOf.bestselling})${withBooks ? ' STRAIGHT_JOIN books b ON b.isbn = s.isbn' : ''}`

async function alongIndex(
  database: Pick<Statements, 'query'>,
  { filter, after, limit }: PageQuery,
  order: keyof typeof indexOf,
): Promise<Found[]> {
  const conditions = conditionsOf(filter)
  const direction = directionOf(order)
  const [key = everything] = keysOf(order, filter)
  const bySales = order === 'bestselling'
  const isbn = bySales ? 's.isbn' : 'b.isbn'
  const withStock = filter.available === undefined ? '' : ' STRAIGHT_JOIN stock s ON s.isbn = b.isbn'
  const from = bySales
    ? bestSelling(conditions !== everything)
    : `books b FORCE INDEX (${indexOf[order]})${withStock}`
  const beyond =
    after === undefined
      ? everything
      : bySales
        ? beyondSales(after)
        : beyondPlace([key.sql, isbn], after, direction)
  const where = both([conditions, beyond])
  const sorted = bySales ? 's.sold DESC, s.isbn' : `${key.sql} ${direction}, ${isbn} ${direction}`
  return await database.query<Found>(
    `SELECT ${key.sql} AS k0, ${isbn} AS isbn FROM ${from} WHERE ${where.sql} ORDER BY ${sorted} LIMIT ?`,
    [...where.params, limit + 1],
  )
}

/** A negated column's order is its index's backwards; the server does not see that by itself. */
function beyondSales([negated, isbn]: Place): Sql {
  const sold = -Number(negated)
  return { sql: 's.sold <= ? AND (s.sold < ? OR s.isbn > ?)', params: [sold, sold, isbn] }
}

/** In the given order; one that was removed meanwhile is left out. */
async function booksOf(database: Pick<Statements, 'query'>, isbns: readonly string[]): Promise<BookRow[]> {
  if (isbns.length === 0) return []
  const rows = await readBooks(database, `WHERE b.isbn IN (${list(isbns.length)})`, isbns)
  const byIsbn = new Map(rows.map((row) => [row.isbn, row]))
  return isbns.flatMap((isbn) => byIsbn.get(isbn) ?? [])
}
