import type { Statements } from '#ports/database'
import type { WordSearch } from '../../search/word-search.ts'
import { list } from './rows.ts'
import type { Sql } from './sql.ts'

/** A book that stands for a whole word is met by all its beginnings: this many are counted to find the rarest word. */
const rowsCountedMax = 10_000
/** Looking a word up in a book takes as long as reading so many rows one after the other. */
const lookUpRows = 8
/** What a book of words near each other gets more than one with the same words apart, on average. */
const togetherFactor = 1.6

/**
 * The ISBNs of the books that match, each once. The rarest word finds the books, and the others are looked up in each of
 * these; where they are not much more frequent, the rows of all are read and put together.
 * @param isForOne whether the first that is met is enough
 */
export async function matchingIsbns(
  database: Pick<Statements, 'query'>,
  search: WordSearch,
  isForOne = false,
): Promise<Sql> {
  const { rarestFirst, areAlike } = await wordsToMeet(database, search)
  if (areAlike && !isForOne && rarestFirst.length > 1) {
    const { where, having } = met(rarestFirst)
    return {
      sql: `SELECT w.isbn FROM book_words w WHERE ${where.sql} GROUP BY w.isbn HAVING ${having.sql}`,
      params: [...where.params, ...having.params],
    }
  }
  const [rarest = [], ...others] = rarestFirst
  const all = [beginsWithAny(rarest), ...others.map((readings) => hasAny(readings, 'w.isbn'))]
  return {
    sql: `SELECT DISTINCT w.isbn FROM book_words w WHERE ${all.map(({ sql }) => sql).join(' AND ')}`,
    params: all.flatMap(({ params }) => params),
  }
}

/** Whether a book that was met by something else matches. */
export function matches(search: WordSearch, isbn: string): Sql {
  const each = eachNeeded(search).map((readings) => hasAny(readings, isbn))
  return { sql: each.map(({ sql }) => sql).join(' AND '), params: each.flatMap(({ params }) => params) }
}

/**
 * The books that match, as rows of `isbn`, `whole` and `part`: what the words in full and as beginnings say of them, in
 * points.
 * @param given ISBNs, each once, of which alone it is asked
 */
export async function rankedBooks(
  database: Pick<Statements, 'query'>,
  search: WordSearch,
  given?: Sql,
): Promise<Sql> {
  const { rarestFirst, areAlike } = await wordsToMeet(database, search)
  const among = given ?? (areAlike ? undefined : await matchingIsbns(database, search))
  const count = new Set(search.words.flat()).size
  const sumsOf = (condition: (readings: readonly string[]) => Sql) => {
    const each = rarestFirst.map(condition)
    return {
      sql: each.map(({ sql }) => `SUM(IF(${sql}, w.points, 0))`).join(' + '),
      params: each.flatMap(({ params }) => params),
    }
  }
  const whole = sumsOf((readings) => ({ sql: `w.word IN (${list(readings.length)})`, params: [...readings] }))
  const part = sumsOf((readings) => beginsWithAny(readings))
  const { where, having } = met(rarestFirst)
  const from = among === undefined ? '' : `(${among.sql}) l STRAIGHT_JOIN `
  return {
    sql: `SELECT w.isbn, (${whole.sql}) / ${count} AS whole,
                 ${rarestFirst.length > 1 ? togetherFactor : 1} * (${part.sql}) / ${count} AS part
            FROM ${from}book_words w ${among === undefined ? '' : 'ON w.isbn = l.isbn'}
           WHERE ${where.sql} GROUP BY w.isbn HAVING ${having.sql}`,
    params: [...whole.params, ...part.params, ...(among?.params ?? []), ...where.params, ...having.params],
  }
}

/** Rows of words that are asked for, and whether those of one book are of each of them. */
function met(words: WordSearch['words']): { where: Sql; having: Sql } {
  const where = beginsWithAny(words.flat())
  const each = words.map((readings) => beginsWithAny(readings))
  if (each.length === 1) return { where, having: { sql: 'TRUE', params: [] } }
  return {
    where,
    having: {
      sql: each.map(({ sql }) => `MAX(${sql})`).join(' AND '),
      params: each.flatMap(({ params }) => params),
    },
  }
}

/** Words are letters and digits alone, so that nothing in them is a pattern. */
function beginsWithAny(readings: readonly string[], table = 'w'): Sql {
  return {
    sql: `(${readings.map(() => `${table}.word LIKE ?`).join(' OR ')})`,
    params: readings.map((reading) => `${reading}%`),
  }
}

/** As a scalar: the server would gather all books of a common word to join them. */
function hasAny(readings: readonly string[], isbn: string): Sql {
  const { sql, params } = beginsWithAny(readings, 'h')
  return { sql: `(SELECT 1 FROM book_words h WHERE h.isbn = ${isbn} AND ${sql} LIMIT 1) IS NOT NULL`, params }
}

/** Readings that a book has to have one of each of. */
const eachNeeded = ({ words, needs }: WordSearch): WordSearch['words'] =>
  needs === 'any' || words.length === 1 ? [[...new Set(words.flat())]] : words

/** `areAlike`: reading the rows of all is as quick as looking the others up where the rarest is. */
type Order = { rarestFirst: WordSearch['words']; areAlike: boolean }
/** Of one search, for all statements that it takes: only how fast they are hangs on it. */
const orders = new WeakMap<WordSearch, Order>()

async function wordsToMeet(database: Pick<Statements, 'query'>, search: WordSearch): Promise<Order> {
  const words = eachNeeded(search)
  if (words.length === 1) return { rarestFirst: words, areAlike: true }
  const order = orders.get(search) ?? (await orderOf(database, words))
  orders.set(search, order)
  return order
}

async function orderOf(database: Pick<Statements, 'query'>, words: WordSearch['words']): Promise<Order> {
  const asked = words.map((readings) => beginsWithAny(readings))
  const rows = await database.query<{ place: number; n: number }>(
    asked
      .map(
        ({ sql }, i) =>
          `SELECT ${i} AS place, count(*) AS n FROM (SELECT 1 FROM book_words w WHERE ${sql} LIMIT ${rowsCountedMax}) w${i}`,
      )
      .join(' UNION ALL '),
    asked.flatMap(({ params }) => params),
  )
  const counts = new Map(rows.map(({ place, n }) => [place, n]))
  const counted = words
    .map((readings, place) => ({ readings, n: counts.get(place) ?? 0 }))
    .sort((a, b) => a.n - b.n)
  const rarest = counted[0]?.n ?? 0
  const others = counted.slice(1).reduce((sum, { n }) => sum + n, 0)
  const isUnknown = (counted.at(-1)?.n ?? 0) >= rowsCountedMax
  return {
    rarestFirst: counted.map(({ readings }) => readings),
    areAlike: rarest >= rowsCountedMax || (!isUnknown && others < lookUpRows * rarest),
  }
}
