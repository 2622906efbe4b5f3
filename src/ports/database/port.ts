import { adapterFor } from '#kernel/adapters'
import type { Database, DatabaseOptions } from './database.ts'
import { metered } from './metered.ts'
import type { Reads, ReadsOptions } from './reads.ts'

type Open = (url: string, options: DatabaseOptions) => Promise<Database>

const postgres: Open = async (...opened) => (await import('./postgres.ts')).openPostgres(...opened)

const mariadb: Open = async (...opened) => (await import('./mariadb/database.ts')).openMariadb(...opened)

/** By the URL's scheme. */
export const databaseAdapters: Readonly<Record<string, Open>> = {
  ...{ postgres, postgresql: postgres },
  ...{ mariadb, mysql: mariadb },
}

/**
 * Opens a pool of connections; each is made when it is first needed.
 * @throws TypeError naming the schemes that exist when the URL has another one
 */
export async function openDatabase(url: string, options: DatabaseOptions): Promise<Database> {
  return metered(await adapterFor(url, 'database', databaseAdapters)(url, options), options.applicationName)
}

/**
 * Reads for display beside a database that is open: at its replicas, where its URL names several servers.
 * @param database takes what no replica can show, and stays open
 */
export async function openReads(
  url: string,
  database: Database,
  options: DatabaseOptions & ReadsOptions,
): Promise<Reads> {
  if (database.dialect.name === 'postgres')
    return (await import('./postgres-reads.ts')).openPostgresReads(url, database, options)
  return (await import('./mariadb/reads.ts')).openMariadbReads(url, database, options)
}

export {
  type ConstraintKind,
  ConstraintViolation,
  type Database,
  DatabaseBusy,
  type DatabaseOptions,
  DatabaseUnavailable,
  type Dialect,
  type PreparedTransactions,
  preparedIdBytesMax,
  SerializationFailure,
  type Session,
  type Statements,
  type Transaction,
  type Voted,
} from './database.ts'
export { databaseState } from './database-state.ts'
export { addressOf as mariadbAddressOf } from './mariadb/settings.ts'
export { MigrationFailed, type MigrationState, migrate, migrationState } from './migrate.ts'
export { type OutboxRelay, type OutboxRelayOptions, startOutboxRelay } from './outbox.ts'
export type { Reading, Reads, Seen } from './reads.ts'
