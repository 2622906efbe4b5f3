import type { Database, DatabaseOptions } from '../database.ts'
import { type Reads, type ReadsOptions, readsOver } from '../reads.ts'

/** Everything is read at the primary. */
export async function openMariadbReads(
  _url: string,
  database: Database,
  options: DatabaseOptions & ReadsOptions,
): Promise<Reads> {
  const none = { replicas: [], written: async () => 0n, shown: async () => undefined, isServers: () => false }
  return readsOver(database, none, options)
}
