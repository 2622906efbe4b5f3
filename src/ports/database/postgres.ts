import pg from 'pg'
import {
  ConstraintViolation,
  type Database,
  DatabaseBusy,
  type DatabaseOptions,
  DatabaseUnavailable,
  type PreparedTransactions,
  SerializationFailure,
  type Statements,
  type Transaction,
} from './port.ts'
import { listenOn } from './postgres-listen.ts'

const connectTimeoutMs = 3_000
const statementTimeoutMsDefault = 15_000
/** A server that does not even keep its own timeout is frozen or cut off: the connection is given up this much later. */
const graceMs = 2_000
const idleInTransactionMs = 5_000

// Counts and versions are far below 2^53, and a string in their place would compare wrongly.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

/** Opens a pool on a PostgreSQL server; connections are made when first needed. */
export function openPostgres(url: string, options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    ...connectionConfig(url, options),
    max: options.connectionsMax ?? 4,
    idleTimeoutMillis: 10_000,
  })
  // An idle connection that the server closes must not end the process; the next query opens another.
  pool.on('error', () => undefined)
  // Nor one that closes between two statements of a transaction; the next statement fails in its place.
  pool.on('connect', (client) => client.on('error', () => undefined))
  const statements = statementsOn(pool)
  return {
    ...statements,
    transaction: (work) => transaction(pool, work),
    listen: (channel, onRing) => listenOn(connectionConfig(url, options), channel, onRing),
    notify: async (channel) => {
      await statements.query('SELECT pg_notify($1, $2)', [channel, ''])
    },
    prepared: preparedOn(statements),
    async [Symbol.asyncDispose]() {
      await pool.end()
    },
  }
}

function connectionConfig(url: string, options: DatabaseOptions): pg.ClientConfig {
  const statementTimeoutMs = options.statementTimeoutMs ?? statementTimeoutMsDefault
  return {
    connectionString: url,
    application_name: options.applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    pipeline: true,
    // A process that freezes in the middle of a transaction gives its locks back.
    options: sessionSettings(options),
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + graceMs,
  }
}

function sessionSettings({ lockTimeoutMs = 5_000, planOnce = false }: DatabaseOptions): string {
  const settings = [
    `lock_timeout=${lockTimeoutMs}`,
    `idle_in_transaction_session_timeout=${idleInTransactionMs}`,
    'timezone=UTC',
    ...(planOnce ? ['plan_cache_mode=force_generic_plan'] : []),
  ]
  return settings.map((setting) => `-c ${setting}`).join(' ')
}

function statementsOn(client: pg.Pool | pg.PoolClient): Statements {
  return {
    async query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]> {
      return (await run(client, sql, params)).rows as Row[]
    },
    async execute(sql, params) {
      return (await run(client, sql, params)).rowCount ?? 0
    },
  }
}

/** Statements with parameters are prepared by name once per connection, so that planning is paid once. */
const names = new Map<string, string>()
const namesMax = 500

async function run(client: pg.Pool | pg.PoolClient, sql: string, params?: readonly unknown[]) {
  try {
    if (params === undefined) return await client.query(sql)
    let name = names.get(sql)
    if (name === undefined && names.size < namesMax) {
      name = `s${names.size}`
      names.set(sql, name)
    }
    return await client.query({ name, text: sql, values: params as unknown[] })
  } catch (error) {
    throw translated(error)
  }
}

async function transaction<T>(pool: pg.Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw translated(error)
  })
  let ending = 'COMMIT'
  let failure: Error | undefined
  try {
    // Not awaited: with pipelining the server reads BEGIN and the first statement in one go, and a failure to begin
    // shows in that statement.
    client.query('BEGIN').catch(() => undefined)
    const { statements, outstanding } = tracked(statementsOn(client))
    const result = await work({
      ...statements,
      prepareAs: (id) => {
        ending = `PREPARE TRANSACTION ${literal(id)}`
      },
    })
    // The end travels with whatever was not waited for; after a failed statement the server reads it as a rollback,
    // and the statement's failure is what is thrown.
    await Promise.all([...outstanding, client.query(ending)])
    return result
  } catch (error) {
    failure = translated(error)
    await client.query('ROLLBACK').catch((lost: unknown) => {
      failure = new DatabaseUnavailable('the connection was lost', { cause: lost })
    })
    throw translated(error)
  } finally {
    client.release(failure instanceof DatabaseUnavailable ? failure : undefined)
  }
}

/** The same statements, with those that have not been answered yet. */
function tracked(statements: Statements): { statements: Statements; outstanding: Set<Promise<unknown>> } {
  const outstanding = new Set<Promise<unknown>>()
  const track = <T>(promise: Promise<T>): Promise<T> => {
    outstanding.add(promise)
    promise.then(
      () => outstanding.delete(promise),
      () => undefined,
    )
    return promise
  }
  return {
    outstanding,
    statements: {
      query: (sql, params) => track(statements.query(sql, params)),
      execute: (sql, params) => track(statements.execute(sql, params)),
    },
  }
}

function preparedOn(statements: Statements): PreparedTransactions {
  const finish = async (verb: 'COMMIT' | 'ROLLBACK', id: string) => {
    try {
      await statements.query(`${verb} PREPARED ${literal(id)}`)
      return 'done' as const
    } catch (error) {
      if (codeOf(error) === '42704') return 'absent' as const
      throw error
    }
  }
  return {
    commit: (id) => finish('COMMIT', id),
    abort: (id) => finish('ROLLBACK', id),
    inDoubt: () =>
      statements.query<{ id: string; ageMs: number }>(
        `SELECT gid AS id, (extract(epoch FROM clock_timestamp() - prepared) * 1000)::float8 AS "ageMs"
           FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared`,
        [],
      ),
  }
}

/** A transaction id as an SQL literal; ids are ours, so anything unexpected is a bug. */
function literal(id: string): string {
  if (!/^[\w:.-]{1,190}$/.test(id)) throw new Error(`not a transaction id: ${id}`)
  return `'${id}'`
}

function codeOf(error: unknown): string | undefined {
  const source = error instanceof Error && error.cause !== undefined ? error.cause : error
  return source instanceof pg.DatabaseError ? source.code : undefined
}

const constraintKinds: Readonly<Record<string, 'unique' | 'check' | 'foreign-key'>> = {
  '23505': 'unique',
  '23514': 'check',
  '23503': 'foreign-key',
}
/** Lock not available, statement or transaction cancelled by timeout, deadlock. */
const busyCodes = new Set(['55P03', '57014', '40P01'])
const serializationFailure = '40001'

/** Turns a driver's error into one of the port's. Source: PostgreSQL manual, appendix A. */
function translated(error: unknown): Error {
  if (
    error instanceof ConstraintViolation ||
    error instanceof DatabaseUnavailable ||
    error instanceof DatabaseBusy
  )
    return error
  if (!(error instanceof pg.DatabaseError))
    return isConnectionError(error)
      ? new DatabaseUnavailable('the database is away', { cause: error })
      : asError(error)
  const code = error.code ?? ''
  const kind = constraintKinds[code]
  if (kind) return new ConstraintViolation(kind, error.constraint ?? '', error)
  if (code === serializationFailure) return new SerializationFailure(error.message, { cause: error })
  if (busyCodes.has(code)) return new DatabaseBusy(error.message, { cause: error })
  // Class 08 connection, 57P shutdown, 53 resources, 25006 read-only (a demoted primary).
  if (/^(08|57P|53)/.test(code) || code === '25006')
    return new DatabaseUnavailable(error.message, { cause: error })
  return new Error(`database: ${error.message}`, { cause: error })
}

function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return (
    /^(ECONN|EPIPE|ENOENT|EHOSTUNREACH|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)/.test(code) ||
    /query read timeout|connection terminated|connection timeout|timeout exceeded|not queryable|client was closed|Connection ended/i.test(
      error.message,
    )
  )
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
