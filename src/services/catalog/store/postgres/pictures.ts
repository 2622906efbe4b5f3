import type { Database } from '#ports/database'
import type { Picture, PictureStore } from '../picture-store.ts'

export function createPictureStore(database: Database): PictureStore {
  return {
    async find(isbn) {
      const [found] = await database.query<Picture>(
        'SELECT type, bytes, source FROM catalog.pictures WHERE isbn = $1',
        [isbn],
      )
      return found
    },
    async sourcesOf(isbns) {
      const rows = await database.query<{ isbn: string; source: string }>(
        'SELECT isbn, source FROM catalog.pictures WHERE isbn = ANY($1::text[])',
        [isbns],
      )
      return new Map(rows.map(({ isbn, source }) => [isbn, source]))
    },
    async put(isbn, { type, bytes, source }) {
      await database.execute(
        `INSERT INTO catalog.pictures (isbn, type, bytes, source)
         SELECT isbn, $2, $3, $4 FROM catalog.books WHERE isbn = $1
         ON CONFLICT (isbn) DO UPDATE SET type = $2, bytes = $3, source = $4, fetched_at = now()`,
        [isbn, type, bytes, source],
      )
    },
  }
}
