import type { Database } from '#ports/database'
import { type MissStore, wordsADayMax } from '../miss-store.ts'

export function createMissStore(database: Database): MissStore {
  return {
    async add(day, times) {
      const [row] = await database.query<{ n: number }>(
        'SELECT count(*) AS n FROM search_misses WHERE day = ?',
        [day],
      )
      const isFull = (row?.n ?? 0) >= wordsADayMax
      for (const [words, count] of [...times].sort(([a], [b]) => (a < b ? -1 : 1)))
        if (isFull)
          await database.execute('UPDATE search_misses SET times = times + ? WHERE day = ? AND words = ?', [
            count,
            day,
            words,
          ])
        else
          await database.execute(
            `INSERT INTO search_misses (day, words, times) VALUES (?, ?, ?)
             ON DUPLICATE KEY UPDATE times = times + VALUES(times)`,
            [day, words, count],
          )
    },
    async forget(before) {
      await database.execute('DELETE FROM search_misses WHERE day < ?', [before])
    },
    async erase(phrases) {
      if (phrases.length > 0)
        await database.execute(`DELETE FROM search_misses WHERE ${holdsOne(phrases)}`, phrases)
    },
    async count(phrases) {
      if (phrases.length === 0) return 0
      const sql = `SELECT count(*) AS n FROM search_misses WHERE ${holdsOne(phrases)}`
      const [row] = await database.query<{ n: number }>(sql, phrases)
      return Number(row?.n ?? 0)
    },
  }
}

const holdsOne = (phrases: readonly string[]) =>
  phrases.map(() => `LOCATE(CONCAT(' ', ?, ' '), CONCAT(' ', words, ' ')) > 0`).join(' OR ')
