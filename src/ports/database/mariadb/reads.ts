import { type Database, DatabaseBusy, type DatabaseOptions, DatabaseUnavailable } from '../database.ts'
import { type Reads, type ReadsOptions, type Replica, readsOver } from '../reads.ts'
import { openMariadb } from './database.ts'
import { addressesOf } from './settings.ts'

/** Reads over the servers that a URL names. The position is the number of a GTID, of which there is one domain. */
export async function openMariadbReads(
  url: string,
  database: Database,
  options: DatabaseOptions & ReadsOptions,
): Promise<Reads> {
  const addresses = addressesOf(url)
  const replicas: Replica[] = []
  if (addresses.length > 1) for (const each of addresses) replicas.push(await openMariadb(each, options))
  const at = (text: string | undefined) => BigInt(text?.split(',')[0]?.split('-')[2] ?? 0)
  return readsOver(
    database,
    {
      replicas,
      async written() {
        const [row] = await database.query<{ at: string }>('SELECT @@global.gtid_binlog_pos AS at')
        return at(row?.at)
      },
      async shown(replica) {
        const [row] = await replica.query<{ isReplica: number; at: string }>(
          'SELECT @@global.read_only AS isReplica, @@global.gtid_slave_pos AS at',
        )
        return row?.isReplica ? at(row.at) : undefined
      },
      isServers: (error) => error instanceof DatabaseUnavailable || error instanceof DatabaseBusy,
    },
    options,
  )
}
