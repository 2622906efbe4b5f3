import type { Statements } from '#ports/database'
import type { WordSearch } from '../../search/search.ts'
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
      const rows = await database.query<{ alike: string[] }>(
        `SELECT ARRAY(SELECT v.word::text FROM catalog.words v ORDER BY v.word <-> asked.word LIMIT $2) AS alike
           FROM unnest($1::text[]) WITH ORDINALITY AS asked (word, place) ORDER BY place`,
        [words, limit],
      )
      return rows.map(({ alike }) => alike)
    },
    async finds(search) {
      const [row] = await database.query<{ found: boolean }>(
        'SELECT EXISTS (SELECT FROM catalog.books b WHERE b.search @@ $1::tsquery) AS found',
        [matching(search)],
      )
      return row?.found ?? false
    },
  }
}

/** Which books match, as a `tsquery`. Words are letters and digits alone, so that quoting them is enough. */
export function matching({ words, needs }: WordSearch): string {
  return words.map((readings) => either(readings, ':*')).join(needs === 'every' ? ' & ' : ' | ')
}

/** The same words in full. Ranking needs no conjunction: a book with more of them ranks higher. */
export const inFull = ({ words }: WordSearch) => words.map((readings) => either(readings, '')).join(' | ')

const either = (readings: readonly string[], suffix: string) =>
  `(${readings.map((reading) => `'${reading}'${suffix}`).join(' | ')})`
