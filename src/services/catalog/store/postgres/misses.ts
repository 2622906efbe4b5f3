import type { Database } from '#ports/database'
import { type MissStore, wordsADayMax } from '../miss-store.ts'

export function createMissStore(database: Database): MissStore {
  return {
    async add(day, times) {
      await database.execute(
        `INSERT INTO catalog.search_misses AS m (day, words, times)
         SELECT $1, words, times FROM unnest($2::text[], $3::int[]) AS n (words, times)
          WHERE (SELECT count(*) FROM catalog.search_misses WHERE day = $1) < $4
             OR EXISTS (SELECT FROM catalog.search_misses o WHERE o.day = $1 AND o.words = n.words)
          ORDER BY words
         ON CONFLICT (day, words) DO UPDATE SET times = m.times + excluded.times`,
        [day, [...times.keys()], [...times.values()], wordsADayMax],
      )
    },
    async forget(before) {
      await database.execute('DELETE FROM catalog.search_misses WHERE day < $1', [before])
    },
    async erase(phrases) {
      await database.execute(`DELETE FROM catalog.search_misses WHERE ${holdsOne}`, [phrases])
    },
    async count(phrases) {
      const sql = `SELECT count(*)::int AS n FROM catalog.search_misses WHERE ${holdsOne}`
      const [row] = await database.query<{ n: number }>(sql, [phrases])
      return row?.n ?? 0
    },
  }
}

const holdsOne = `EXISTS (SELECT FROM unnest($1::text[]) AS phrase
  WHERE strpos(' ' || words || ' ', ' ' || phrase || ' ') > 0)`
