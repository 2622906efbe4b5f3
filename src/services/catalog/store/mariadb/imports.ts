import type { Database } from '#ports/database'
import type { Import, ImportList } from '#services/catalog'
import type { ImportStore } from '../import-store.ts'

const columns = `id, status, \`read\`, created, updated, unchanged, rejected, file, dry_run AS dryRun,
  started_at AS startedAt, finished_at AS finishedAt`
type ImportRow = Omit<ImportList['items'][number], 'startedAt' | 'finishedAt' | 'dryRun'> & {
  dryRun: number
  startedAt: Date
  finishedAt: Date | null
}

const plain = (row: ImportRow): ImportList['items'][number] => ({
  ...row,
  dryRun: row.dryRun === 1,
  startedAt: row.startedAt.toISOString(),
  finishedAt: row.finishedAt?.toISOString() ?? null,
})

/** One row per import. */
export function createImportStore(database: Database): ImportStore {
  return {
    async begin(id, { file, dryRun }) {
      await database.execute(`INSERT INTO imports (id, errors, file, dry_run) VALUES (?, '[]', ?, ?)`, [
        ...[id, file, dryRun ? 1 : 0],
      ])
    },
    async note(id, { read, created, updated, unchanged, rejected }, faults, status, report) {
      await database.execute(
        `UPDATE imports SET \`read\` = ?, created = ?, updated = ?, unchanged = ?, rejected = ?,
           errors = ?, report = COALESCE(?, report), alive_at = NOW(6),
           finished_at = IF(? = 'running', NULL, NOW(6)), status = ?
         WHERE id = ? AND status = 'running'`,
        [
          ...[read, created, updated, unchanged, rejected, JSON.stringify(faults)],
          ...[report === null ? null : JSON.stringify(report), status, status, id],
        ],
      )
    },
    async noteAlive(id) {
      await database.execute(`UPDATE imports SET alive_at = NOW(6) WHERE id = ? AND status = 'running'`, [id])
    },
    async failIfSilent(id, silenceMaxMs, fault) {
      await database.execute(
        `UPDATE imports SET status = 'failed', finished_at = NOW(6),
           errors = JSON_ARRAY_INSERT(errors, '$[0]', JSON_EXTRACT(?, '$'))
         WHERE id = ? AND status = 'running' AND alive_at < NOW(6) - INTERVAL ? MICROSECOND`,
        [JSON.stringify(fault), id, silenceMaxMs * 1000],
      )
    },
    async find(id) {
      const [row] = await database.query<ImportRow>(`SELECT ${columns} FROM imports WHERE id = ?`, [id])
      if (row === undefined) return undefined
      const [texts] = await database.query<{ report: string | null; errors: string }>(
        'SELECT report, errors FROM imports WHERE id = ?',
        [id],
      )
      const report: Import['report'] = JSON.parse(texts?.report ?? 'null')
      return { ...plain(row), report, errors: JSON.parse(texts?.errors ?? '[]') }
    },
    async newest(limit) {
      const rows = await database.query<ImportRow>(
        `SELECT ${columns} FROM imports ORDER BY started_at DESC LIMIT ?`,
        [limit],
      )
      return rows.map(plain)
    },
  }
}
