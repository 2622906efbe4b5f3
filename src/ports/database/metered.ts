import { processMeter, secondsBuckets } from '#ports/telemetry'
import type { Database } from './database.ts'

const duration = processMeter.histogram(
  'db_client_operation_duration_seconds',
  'Statements and whole transactions, waiting for a connection included.',
  secondsBuckets,
  ['db_system_name', 'db_client_connection_pool_name', 'db_operation_name', 'error_type'],
)

/** The same database, whose work is measured. Source: OpenTelemetry semantic conventions for database clients. */
export function metered(database: Database, pool: string): Database {
  const system = database.dialect.name === 'postgres' ? 'postgresql' : database.dialect.name
  const timed = async <T>(operation: string, work: Promise<T>): Promise<T> => {
    const startedMs = performance.now()
    try {
      const outcome = await work
      duration.observe((performance.now() - startedMs) / 1000, system, pool, operation, '')
      return outcome
    } catch (error) {
      const type = error instanceof Error ? error.name : 'other'
      duration.observe((performance.now() - startedMs) / 1000, system, pool, operation, type)
      throw error
    }
  }
  return {
    ...database,
    query: (sql, params) => timed('query', database.query(sql, params)),
    execute: (sql, params) => timed('execute', database.execute(sql, params)),
    transaction: (work) => timed('transaction', database.transaction(work)),
    prepare: (id, work) => timed('prepare', database.prepare(id, work)),
    snapshot: (work) => timed('snapshot', database.snapshot(work)),
    prepared: {
      ...database.prepared,
      commit: (id) => timed('commit prepared', database.prepared.commit(id)),
      abort: (id) => timed('rollback prepared', database.prepared.abort(id)),
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}
