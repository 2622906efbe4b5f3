import type { Statements } from '#ports/database'
import { nearest, oneMistakeAway } from '../../search/nearest-words.ts'
import type { WordSearch } from '../../search/word-search.ts'
import type { BookFinder } from '../book-store.ts'

/** Finds words and books by them. */
export function createBookFinder(database: Pick<Statements, 'query'>): BookFinder {
  return {
    async knownIsbns(isbns) {
      const rows = await database.query<{ isbn: string }>(
        'SELECT isbn FROM catalog.books WHERE isbn = ANY($1::text[])',
        [isbns],
      )
      return rows.map(({ isbn }) => isbn)
    },
    async knownBeginnings(words) {
      if (words.length === 0) return new Set()
      // Everything that begins with a word lies between it and itself with the last character of all behind it.
      const rows = await database.query<{ word: string }>(
        `SELECT word FROM unnest($1::text[]) AS asked (word)
          WHERE EXISTS (SELECT FROM catalog.words v
                         WHERE v.word >= asked.word COLLATE pg_c_utf8
                           AND v.word < asked.word || U&'\\+10FFFF' COLLATE pg_c_utf8)`,
        [words],
      )
      return new Set(rows.map(({ word }) => word))
    },
    async knownWords(words) {
      if (words.length === 0) return new Set()
      const rows = await database.query<{ word: string }>(
        'SELECT word::text AS word FROM catalog.words WHERE word = ANY($1::text[])',
        [words],
      )
      return new Set(rows.map(({ word }) => word))
    },
    async alike(words, limit) {
      const near = await wordsNear(database, words)
      const far = words.filter((word, i) => nearest(word, near[i] ?? []).length === 0)
      const found = far.length === 0 ? [] : await wordsLike(database, far, limit)
      return words.map((word, i) => found[far.indexOf(word)] ?? near[i]?.slice(0, limit) ?? [])
    },
    async finds(search) {
      const rows = await database.query(
        `WITH soon AS MATERIALIZED (
           SELECT FROM (SELECT search FROM catalog.books LIMIT ${metSoon}) b WHERE search @@ $1::tsquery LIMIT 1)
         SELECT FROM soon
         UNION ALL
         (SELECT FROM catalog.books WHERE search @@ $1::tsquery AND NOT EXISTS (SELECT FROM soon) LIMIT ${one})`,
        [matching(search)],
      )
      return rows.length > 0
    },
  }
}

/** What many books have is met among so few; walking the index would go through all of theirs. */
const metSoon = 200
/**
 * A limit that the planner cannot read. Of one row, as of `EXISTS`, it would expect that it is soon met on the way through
 * all books, and read every one of them where words that are common each stand in no book together.
 */
const one = '(SELECT 1)'

/** The longest word that is looked for in every way it may have been mistyped. */
const nearLengthMax = 24
/** Of the words that begin with one such way, the shortest come first. */
const perWay = 3

/**
 * For each word those that are one mistake away, or begin so, the likest first: some hundred looks at an index, where the
 * likest of a million words take a walk through it. Most mistyped words have one mistake.
 */
async function wordsNear(database: Pick<Statements, 'query'>, words: readonly string[]): Promise<string[][]> {
  const ways = words.map((word) => ([...word].length > nearLengthMax ? [] : oneMistakeAway(word)))
  const rows = await database.query<{ place: number; word: string }>(
    `SELECT place, word::text AS word FROM (
       SELECT DISTINCT asked.place, v.word
         FROM unnest($1::int[], $2::text[]) AS asked (place, way), LATERAL (
           SELECT word FROM catalog.words
            WHERE word >= asked.way COLLATE pg_c_utf8 AND word < asked.way || U&'\\+10FFFF' COLLATE pg_c_utf8
            ORDER BY word LIMIT ${perWay}) v) near
      ORDER BY place, word <-> ($3::text[])[place + 1], word`,
    [ways.flatMap((each, i) => each.map(() => i)), ways.flat(), words],
  )
  return words.map((_, i) => rows.filter(({ place }) => place === i).map(({ word }) => word))
}

async function wordsLike(
  database: Pick<Statements, 'query'>,
  words: readonly string[],
  limit: number,
): Promise<string[][]> {
  const rows = await database.query<{ alike: string[] }>(
    `SELECT ARRAY(SELECT v.word::text FROM catalog.words v ORDER BY v.word <-> asked.word LIMIT $2) AS alike
       FROM unnest($1::text[]) WITH ORDINALITY AS asked (word, place) ORDER BY place`,
    [words, limit],
  )
  return rows.map(({ alike }) => alike)
}

/** Which books match, as a `tsquery`. Words are letters and digits alone, so that quoting them is enough. */
export function matching({ words, needs }: WordSearch): string {
  return words.map((readings) => either(readings, ':*')).join(needs === 'every' ? ' & ' : ' | ')
}

/** The same words in full. Ranking needs no conjunction: a book with more of them ranks higher. */
export const inFull = ({ words }: WordSearch) => words.map((readings) => either(readings, '')).join(' | ')

const either = (readings: readonly string[], suffix: string) =>
  `(${readings.map((reading) => `'${reading}'${suffix}`).join(' | ')})`
