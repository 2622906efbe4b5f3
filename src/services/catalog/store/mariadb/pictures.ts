import type { Database } from '#ports/database'
import type { Picture, PictureStore } from '../picture-store.ts'
import { list } from './rows.ts'

export function createPictureStore(database: Database): PictureStore {
  return {
    async find(isbn) {
      const [found] = await database.query<Picture>(
        'SELECT type, bytes, source FROM pictures WHERE isbn = ?',
        [isbn],
      )
      return found
    },
    async sourcesOf(isbns) {
      if (isbns.length === 0) return new Map()
      const rows = await database.query<{ isbn: string; source: string }>(
        `SELECT isbn, source FROM pictures WHERE isbn IN (${list(isbns.length)})`,
        isbns,
      )
      return new Map(rows.map(({ isbn, source }) => [isbn, source]))
    },
    async put(isbn, { type, bytes, source }) {
      await database.execute(
        `INSERT INTO pictures (isbn, type, bytes, source) SELECT isbn, ?, ?, ? FROM books WHERE isbn = ?
         ON DUPLICATE KEY UPDATE type = VALUES(type), bytes = VALUES(bytes), source = VALUES(source),
           fetched_at = NOW(6)`,
        [type, bytes, source, isbn],
      )
    },
  }
}
