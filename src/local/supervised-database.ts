import type { ReplicatedOptions } from './replicas/database-set.ts'
import { type ReplicatedPostgres, superviseReplicated } from './replicas/replicated-postgres.ts'
import { readSuccession } from './replicas/succession-record.ts'
import { supervisePostgres } from './supervised-postgres.ts'

/**
 * Starts a database: one server, or a primary with its replicas.
 * @throws PostgresUnavailable when the first start fails
 */
export async function superviseDatabase(options: ReplicatedOptions): Promise<ReplicatedPostgres> {
  // Once there were replicas, the data may lie with any of the servers.
  if (options.replicas > 0 || readSuccession(options.path) !== undefined) return superviseReplicated(options)
  const server = await supervisePostgres(options)
  return { url: server.url, servers: [server] }
}
