import type { Database } from '#ports/database'
import type { Import, ImportList } from '#services/catalog'
import type { ImportStore } from '../import-store.ts'

const columns = `id, status, read, created, updated, unchanged, rejected, file, dry_run AS "dryRun",
  started_at AS "startedAt", finished_at AS "finishedAt"`
type ImportRow = Omit<ImportList['items'][number], 'startedAt' | 'finishedAt'> & {
  startedAt: Date
  finishedAt: Date | null
}

const withTimes = <Row extends ImportRow>(row: Row) => ({
  ...row,
  startedAt: row.startedAt.toISOString(),
  finishedAt: row.finishedAt?.toISOString() ?? null,
})

/** One row per import. */
export function createImportStore(database: Database): ImportStore {
  return {
    async begin(id, { file, dryRun }) {
      await database.execute('INSERT INTO catalog.imports (id, file, dry_run) VALUES ($1, $2, $3)', [
        id,
        file,
        dryRun,
      ])
    },
    async note(id, { read, created, updated, unchanged, rejected }, faults, status, report) {
      await database.execute(
        `UPDATE catalog.imports SET read = $2, created = $3, updated = $4, unchanged = $5, rejected = $6,
           errors = $7, status = $8, report = coalesce($9, report), alive_at = now(),
           finished_at = CASE WHEN $8 = 'running' THEN NULL ELSE now() END
         WHERE id = $1 AND status = 'running'`,
        [
          id,
          read,
          created,
          updated,
          unchanged,
          rejected,
          JSON.stringify(faults),
          status,
          report === null ? null : JSON.stringify(report),
        ],
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
      const [row] = await database.query<ImportRow & Pick<Import, 'report' | 'errors'>>(
        `SELECT ${columns}, report, errors FROM catalog.imports WHERE id = $1`,
        [id],
      )
      return row && withTimes(row)
    },
    async newest(limit) {
      const rows = await database.query<ImportRow>(
        `SELECT ${columns} FROM catalog.imports ORDER BY started_at DESC LIMIT $1`,
        [limit],
      )
      return rows.map(withTimes)
    },
  }
}
