import type { Statements } from '#ports/database'
import type { WordSearch } from '../../search/word-search.ts'
import type { BookFinder } from '../book-store.ts'
import { list } from './rows.ts'
import { trigramsOf } from './words.ts'

/** Finds words and books by them. */
export function createBookFinder(database: Pick<Statements, 'query'>): BookFinder {
  return {
    async knownIsbns(isbns) {
      if (isbns.length === 0) return []
      const rows = await database.query<{ isbn: string }>(
        `SELECT isbn FROM books WHERE isbn IN (${list(isbns.length)})`,
        isbns,
      )
      return rows.map(({ isbn }) => isbn)
    },
    async knownBeginnings(words) {
      if (words.length === 0) return new Set()
      const each = 'SELECT ? AS word FROM DUAL WHERE EXISTS (SELECT 1 FROM words WHERE word LIKE ?)'
      const rows = await database.query<{ word: string }>(
        words.map(() => each).join(' UNION ALL '),
        words.flatMap((word) => [word, `${word}%`]),
      )
      return new Set(rows.map(({ word }) => word))
    },
    async knownWords(words) {
      if (words.length === 0) return new Set()
      const rows = await database.query<{ word: string }>(
        `SELECT word FROM words WHERE word IN (${list(words.length)})`,
        words,
      )
      return new Set(rows.map(({ word }) => word))
    },
    alike: (words, limit) => Promise.all(words.map((word) => wordsLike(database, word, limit))),
    async finds(search) {
      const matching = await matchingBooks(database, search)
      const rows = await database.query(`SELECT m.isbn FROM (${matching.sql}) m LIMIT 1`, matching.params)
      return rows.length > 0
    },
  }
}

/** By the part of their trigrams that both have. Source: PostgreSQL's pg_trgm, similarity. */
async function wordsLike(
  database: Pick<Statements, 'query'>,
  word: string,
  limit: number,
): Promise<string[]> {
  const trigrams = trigramsOf(word)
  const rows = await database.query<{ word: string }>(
    `SELECT v.word FROM words v JOIN (
       SELECT word, count(*) AS shared FROM word_trigrams WHERE trigram IN (${list(trigrams.length)}) GROUP BY word
        ORDER BY shared DESC LIMIT 2000
     ) t ON t.word = v.word
      ORDER BY t.shared / (v.trigrams + ${trigrams.length} - t.shared) DESC, v.word LIMIT ?`,
    [...trigrams, limit],
  )
  return rows.map((row) => row.word)
}

/** A statement with its parameters. */
export type Sql = { sql: string; params: unknown[] }

/** A book that stands for a whole word is met by all its beginnings: this many are counted to find the rarest word. */
const countedMax = 3_000
/** What a book of words near each other gets more than one with the same words apart, on average. */
const togetherFactor = 1.6

/**
 * The books that match, as rows of `isbn`, `whole` and `part`: what the words in full and as beginnings say of them, in
 * points. The rarest word finds the books, and the others are looked up in each of these.
 */
export async function matchingBooks(
  database: Pick<Statements, 'query'>,
  { words, needs }: WordSearch,
): Promise<Sql> {
  const exact = [...new Set(words.flat())]
  if (needs === 'any' || words.length === 1) {
    const { sql, params } = beginsWithAny(exact)
    return {
      sql: `SELECT isbn, SUM(IF(word IN (${list(exact.length)}), points, 0)) / ${exact.length} AS whole,
                   SUM(points) / ${exact.length} AS part
              FROM book_words WHERE ${sql} GROUP BY isbn`,
      params: [...exact, ...params],
    }
  }
  const [rarest = [], ...others] = await rarestFirst(database, words)
  const [first, rest] = [beginsWithAny(rarest), others.map(beginsWithAny)]
  const inFull = (readings: readonly string[]) => `SUM(IF(word IN (${list(readings.length)}), points, 0))`
  const sums = others.map(
    (readings, i) =>
      `(SELECT SUM(points) FROM book_words w WHERE w.isbn = r.isbn AND (${rest[i]?.sql})) AS part${i},
       (SELECT SUM(points) FROM book_words w WHERE w.isbn = r.isbn AND w.word IN (${list(readings.length)})) AS whole${i}`,
  )
  const parts = others.map((_, i) => `part${i}`)
  return {
    sql: `SELECT isbn, (whole + ${others.map((_, i) => `COALESCE(whole${i}, 0)`).join(' + ')}) / ${exact.length} AS whole,
                 ${togetherFactor} * (part + ${parts.join(' + ')}) / ${exact.length} AS part
            FROM (SELECT r.isbn, r.whole, r.part, ${sums.join(', ')}
                    FROM (SELECT isbn, ${inFull(rarest)} AS whole, SUM(points) AS part
                            FROM book_words WHERE ${first.sql} GROUP BY isbn) r) a
           WHERE ${parts.map((part) => `${part} IS NOT NULL`).join(' AND ')}`,
    params: [
      ...others.flatMap((readings, i) => [...(rest[i]?.params ?? []), ...readings]),
      ...rarest,
      ...first.params,
    ],
  }
}

/** Words are letters and digits alone, so that nothing in them is a pattern. */
function beginsWithAny(readings: readonly string[]): Sql {
  return {
    sql: `(${readings.map(() => 'word LIKE ?').join(' OR ')})`,
    params: readings.map((reading) => `${reading}%`),
  }
}

async function rarestFirst(
  database: Pick<Statements, 'query'>,
  words: WordSearch['words'],
): Promise<(readonly string[])[]> {
  const asked = words.map(beginsWithAny)
  const rows = await database.query<{ place: number; n: number }>(
    asked
      .map(
        ({ sql }, i) =>
          `SELECT ${i} AS place, count(*) AS n FROM (SELECT 1 FROM book_words WHERE ${sql} LIMIT ${countedMax}) w${i}`,
      )
      .join(' UNION ALL '),
    asked.flatMap(({ params }) => params),
  )
  const counts = new Map(rows.map(({ place, n }) => [place, n]))
  return words
    .map((readings, place) => ({ readings, n: counts.get(place) ?? 0 }))
    .sort((a, b) => a.n - b.n)
    .map(({ readings }) => readings)
}
