import { addressesIn, parseLsn } from '#ports/postgres'
import { type Database, DatabaseBusy, type DatabaseOptions, DatabaseUnavailable } from './database.ts'
import { openPostgres } from './postgres.ts'
import { wasReadOnly } from './postgres-errors.ts'
import { type Reads, type ReadsOptions, type Replica, readsOver } from './reads.ts'

/** Reads over the servers that a URL names. Nothing that goes through them can write. */
export async function openPostgresReads(
  url: string,
  database: Database,
  options: DatabaseOptions & ReadsOptions,
): Promise<Reads> {
  const addresses = addressesIn(url)
  const replicas: Replica[] = []
  if (addresses.length > 1)
    for (const address of addresses)
      replicas.push(await openPostgres(address, { ...options, readOnly: true }))
  return readsOver(
    database,
    {
      replicas,
      async written() {
        const [row] = await database.query<{ at: string }>(
          'SELECT pg_current_wal_flush_lsn()::text AS at',
          [],
        )
        return parseLsn(row?.at ?? '')
      },
      async shown(replica) {
        const [row] = await replica.query<{ isReplica: boolean; at: string | null }>(
          'SELECT pg_is_in_recovery() AS "isReplica", pg_last_wal_replay_lsn()::text AS at',
          [],
        )
        return row?.isReplica ? parseLsn(row.at ?? '') : undefined
      },
      // Away, or it had to give up a read because the primary has cleaned up what it was reading. What would write is
      // refused everywhere.
      isServers: (error) =>
        (error instanceof DatabaseUnavailable || error instanceof DatabaseBusy) && !wasReadOnly(error),
    },
    options,
  )
}
