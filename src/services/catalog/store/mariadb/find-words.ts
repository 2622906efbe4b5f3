import type { Statements } from '#ports/database'
import type { BookFinder } from '../book-store.ts'
import { matchingIsbns } from './matching-sql.ts'
import { wordsAlike } from './near-words.ts'
import { list } from './rows.ts'

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
    alike: (words, limit) => wordsAlike(database, words, limit),
    async finds(search) {
      const { sql, params } = await matchingIsbns(database, search, true)
      return (await database.query(`${sql} LIMIT 1`, params)).length > 0
    },
  }
}
