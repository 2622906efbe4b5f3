import { adapterFor } from '#kernel/adapters'
import type { Database, DatabaseOptions } from './database.ts'
import { metered } from './metered.ts'

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
export { MigrationFailed, type MigrationState, migrate, migrationState } from './migrate.ts'
export { type OutboxRelay, type OutboxRelayOptions, startOutboxRelay } from './outbox.ts'
