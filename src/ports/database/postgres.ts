import pg from 'pg'
import { systemClock } from '#ports/clock'
import {
  checkPreparedId,
  type Database,
  DatabaseBusy,
  type DatabaseOptions,
  DatabaseUnavailable,
  exclusiveSilentMs,
  exclusiveStatementMs,
  exclusiveWaitMs,
  type PreparedTransactions,
  type Session,
  type Statements,
  type Transaction,
  type Voted,
} from './database.ts'
import { keptAwake } from './keep-awake.ts'
import { type Connections, checkWaited, noteLost, openConnections } from './postgres-connections.ts'
import { isAbsent, translated } from './postgres-errors.ts'
import { tracked } from './tracked.ts'

const connectTimeoutMs = 3_000
const statementTimeoutMsDefault = 15_000
/** A server that does not even keep its own timeout is frozen or cut off: the connection is given up this much later. */
const graceMs = 2_000
const idleInTransactionMs = 5_000
const exclusivePollMs = 100

// Counts and versions are far below 2^53, and a string in their place would compare wrongly.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

/** Opens a pool on a PostgreSQL server, or on whichever of several is the primary; connections are made when first needed. */
export async function openPostgres(url: string, options: DatabaseOptions): Promise<Database> {
  const connections = openConnections(url, {
    ...connectionConfig(options),
    max: options.connectionsMax ?? 4,
    idleTimeoutMillis: 10_000,
  })
  const statements = statementsOn(connections)
  return {
    ...statements,
    dialect: { name: 'postgres', transactionalDdl: true },
    transaction: (work) => connections.lend((client) => transactionOn(client, work, () => 'COMMIT')),
    prepare: async (id, work) => {
      const ending = endingOf(id)
      return await connections.lend((client) => transactionOn(client, work, ending))
    },
    prepared: preparedOn(statements),
    snapshot: (work) => snapshot(connections, options, work),
    exclusively: (name, work) => exclusively(connections, options, name, work),
    [Symbol.asyncDispose]: () => connections[Symbol.asyncDispose](),
  }
}

function connectionConfig(options: DatabaseOptions): pg.ClientConfig {
  const statementTimeoutMs = options.statementTimeoutMs ?? statementTimeoutMsDefault
  return {
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

function sessionSettings({ lockTimeoutMs = 5_000, planOnce, readOnly }: DatabaseOptions): string {
  const settings = [
    `lock_timeout=${lockTimeoutMs}`,
    `idle_in_transaction_session_timeout=${idleInTransactionMs}`,
    'timezone=UTC',
    ...(planOnce ? ['plan_cache_mode=force_generic_plan'] : []),
    ...(readOnly ? ['default_transaction_read_only=on'] : []),
  ]
  return settings.map((setting) => `-c ${setting}`).join(' ')
}

/** @param on one connection, or all of them, of which each statement takes one */
function statementsOn(on: Connections | pg.ClientBase): Statements {
  const ask = (sql: string, params?: readonly unknown[]) =>
    'lendForOne' in on ? on.lendForOne((client) => alone(client, sql, params)) : run(on, sql, params)
  return {
    async query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]> {
      return (await ask(sql, params)).rows as Row[]
    },
    async execute(sql, params) {
      return (await ask(sql, params)).rowCount ?? 0
    },
  }
}

/** A statement that commits by itself. */
async function alone(client: pg.ClientBase, sql: string, params?: readonly unknown[]) {
  const result = await run(client, sql, params)
  checkWaited(client)
  return result
}

/** Statements with parameters are prepared by name once per connection, so that planning is paid once. */
const names = new Map<string, string>()
const namesMax = 500

async function run(client: pg.ClientBase, sql: string, params?: readonly unknown[]) {
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

/** @param endingFor the statement that ends the transaction, by what its work came to */
async function transactionOn<T>(
  client: pg.ClientBase,
  work: (tx: Transaction) => Promise<T>,
  endingFor: (outcome: T) => string,
): Promise<T> {
  const { tracking, outstanding, end } = tracked(statementsOn(client))
  try {
    // Not awaited: with pipelining the server reads BEGIN and the first statement in one go, and a failure to begin
    // shows in that statement.
    client.query('BEGIN').catch(() => undefined)
    const outcome = await work(tracking)
    end()
    // The end travels with whatever was not waited for; after a failed statement the server reads it as a rollback,
    // and the statement's failure is what is thrown.
    await Promise.all([...outstanding, client.query(endingFor(outcome))])
    checkWaited(client)
    return outcome
  } catch (error) {
    end()
    const failure = translated(error)
    if (failure instanceof DatabaseUnavailable) throw failure
    // The connection is given up, and the first failure is the one to tell.
    await client.query('ROLLBACK').catch(() => noteLost(client))
    throw failure
  }
}

function endingOf(id: string): (voted: Voted) => string {
  const prepare = `PREPARE TRANSACTION ${literal(id)}`
  return ({ kind }) => (kind === 'prepared' ? prepare : 'ROLLBACK')
}

function preparedOn(statements: Statements): PreparedTransactions {
  const finish = async (verb: 'COMMIT' | 'ROLLBACK', id: string) => {
    try {
      await statements.query(`${verb} PREPARED ${literal(id)}`)
      return 'done' as const
    } catch (error) {
      if (isAbsent(error)) return 'absent' as const
      throw error
    }
  }
  return {
    commit: (id) => finish('COMMIT', id),
    abort: (id) => finish('ROLLBACK', id),
    async inDoubt() {
      const rows = await statements.query<{ id: string }>(
        'SELECT gid AS id FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared',
        [],
      )
      return rows.map(({ id }) => id)
    },
  }
}

/** A transaction id as an SQL literal; ids are ours, so anything unexpected is a bug. */
function literal(id: string): string {
  checkPreparedId(id)
  return `'${id}'`
}

/** One statement begins it and takes its snapshot, so that nothing comes between the two. */
async function snapshot<T>(
  connections: Connections,
  options: DatabaseOptions,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const patient = { ...options, statementTimeoutMs: exclusiveStatementMs }
  const client = await connections.own(connectionConfig(patient))
  try {
    const statements = statementsOn(client)
    await statements.query(`SET idle_in_transaction_session_timeout = ${exclusiveSilentMs};
      BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT pg_current_snapshot()`)
    return await keptAwake(statements, () => work(statements))
  } finally {
    // Nothing was written: the end of the connection is the end of the transaction.
    await client.end().catch(() => undefined)
  }
}

/** Idle for so long within a transaction or without: servers before version 14 know the first alone. */
const endWhenSilent = `SELECT set_config(name, $1, false) FROM pg_settings
  WHERE name IN ('idle_session_timeout', 'idle_in_transaction_session_timeout')`

/** An advisory lock on a connection of its own, so that it ends with the connection whatever happens. */
async function exclusively<T>(
  connections: Connections,
  options: DatabaseOptions,
  name: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const patient = { ...options, statementTimeoutMs: exclusiveStatementMs }
  const client = await connections.own(connectionConfig(patient))
  try {
    const statements = statementsOn(client)
    await takeLock(statements, name)
    await statements.query(endWhenSilent, [String(exclusiveSilentMs)])
    return await keptAwake(statements, () =>
      work({
        ...statements,
        transaction: (within) => transactionOn(client, within, () => 'COMMIT'),
        script: async (sql) => void (await run(client, sql)),
      }),
    )
  } finally {
    // What was done with it is done, however it goes.
    await client.end().catch(() => undefined)
  }
}

async function takeLock(statements: Statements, name: string): Promise<void> {
  const giveUpMs = systemClock.monotonicMs() + exclusiveWaitMs
  for (;;) {
    const [lock] = await statements.query<{ mine: boolean }>(
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS mine',
      [name],
    )
    if (lock?.mine) return
    if (systemClock.monotonicMs() > giveUpMs)
      throw new DatabaseBusy(`somebody else has been at "${name}" for ${exclusiveWaitMs / 1000} s`)
    await systemClock.sleep(exclusivePollMs)
  }
}
