import type { Statements } from '#ports/database'
import type { Import } from '../contract.ts'
import type { ImportCounts, ImportFault } from './source.ts'

/** The first faults are kept for show; the count of rejected records is always whole. */
export const faultsKeptMax = 1000
/** An import whose process has not written for this long has died with it. */
const silenceMaxMs = 30_000

/** One row per import, which any catalog process can show. */
export async function openImport(statements: Statements, id: string): Promise<void> {
  await statements.execute('insert into catalog.imports (id) values ($1)', [id])
}

export async function noteProgress(
  statements: Statements,
  id: string,
  counts: Readonly<ImportCounts>,
  faults: readonly ImportFault[],
  status: Import['status'] = 'running',
): Promise<void> {
  await statements.execute(
    `update catalog.imports set read = $2, created = $3, updated = $4, unchanged = $5, rejected = $6,
       errors = $7, status = $8, alive_at = now(), finished_at = case when $8 = 'running' then null else now() end
     where id = $1 and status = 'running'`,
    [
      id,
      counts.read,
      counts.created,
      counts.updated,
      counts.unchanged,
      counts.rejected,
      JSON.stringify(faults.toSorted((a, b) => a.record - b.record).slice(0, faultsKeptMax)),
      status,
    ],
  )
}

export async function noteAlive(statements: Statements, id: string): Promise<void> {
  await statements.execute(
    `update catalog.imports set alive_at = now() where id = $1 and status = 'running'`,
    [id],
  )
}

/** Looks an import up; one that fell silent is failed first, whichever process it ran in. */
export async function findImport(statements: Statements, id: string): Promise<Import | undefined> {
  const fault: ImportFault = {
    record: 0,
    message: 'the process that ran this import ended; import the file again',
  }
  await statements.execute(
    `update catalog.imports set status = 'failed', finished_at = now(), errors = jsonb_build_array($2::jsonb) || errors
     where id = $1 and status = 'running' and alive_at < now() - $3 * interval '1 millisecond'`,
    [id, JSON.stringify(fault), silenceMaxMs],
  )
  const [row] = await statements.query<Import>(
    `select id, status, read, created, updated, unchanged, rejected, errors from catalog.imports where id = $1`,
    [id],
  )
  return row
}
