import type { Database } from '#ports/database'
import type { Import } from '#services/catalog'
import type { ImportStore } from '../import-store.ts'

/** One row per import. */
export function createImportStore(database: Database): ImportStore {
  return {
    async begin(id) {
      await database.execute('INSERT INTO catalog.imports (id) VALUES ($1)', [id])
    },
    async note(id, { read, created, updated, unchanged, rejected }, faults, status) {
      await database.execute(
        `UPDATE catalog.imports SET read = $2, created = $3, updated = $4, unchanged = $5, rejected = $6,
           errors = $7, status = $8, alive_at = now(),
           finished_at = CASE WHEN $8 = 'running' THEN NULL ELSE now() END
         WHERE id = $1 AND status = 'running'`,
        [id, read, created, updated, unchanged, rejected, JSON.stringify(faults), status],
      )
    },
    async noteAlive(id) {
      await database.execute(
        `UPDATE catalog.imports SET alive_at = now() WHERE id = $1 AND status = 'running'`,
        [id],
      )
    },
    async failIfSilent(id, silenceMaxMs, fault) {
      await database.execute(
        `UPDATE catalog.imports SET status = 'failed', finished_at = now(),
           errors = jsonb_build_array($2::jsonb) || errors
         WHERE id = $1 AND status = 'running' AND alive_at < now() - $3 * interval '1 millisecond'`,
        [id, JSON.stringify(fault), silenceMaxMs],
      )
    },
    async find(id) {
      const [row] = await database.query<Import>(
        `SELECT id, status, read, created, updated, unchanged, rejected, errors FROM catalog.imports WHERE id = $1`,
        [id],
      )
      return row
    },
  }
}
