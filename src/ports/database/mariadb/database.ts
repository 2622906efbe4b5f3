import { createHash } from 'node:crypto'
import type { Connection } from 'mariadb'
import {
  type Database,
  DatabaseBusy,
  type DatabaseOptions,
  DatabaseUnavailable,
  exclusiveSilentMs,
  exclusiveStatementMs,
  exclusiveWaitMs,
  type Session,
  type Statements,
  type Transaction,
} from '../database.ts'
import { keptAwake } from '../keep-awake.ts'
import { tracked } from '../tracked.ts'
import { end } from './end-connection.ts'
import { translated } from './errors.ts'
import { connector, createPool, type Pool } from './pool.ts'
import { prepare, preparedOn } from './prepared.ts'
import { addressOf, statementTimeoutOf } from './settings.ts'
import { statementsOn } from './statements.ts'

/** Opens a pool on a MariaDB or MySQL server; connections are made when first needed. */
export async function openMariadb(url: string, options: DatabaseOptions): Promise<Database> {
  const address = addressOf(url, options.applicationName)
  const pool = createPool(address, options)
  const timeoutMs = statementTimeoutOf(options)
  const statements = onAny(pool, timeoutMs)
  const server = address.servers.map(({ host, port, socketPath }) => socketPath ?? `${host}:${port}`).join()
  const place = { server, qualifier: address.database }
  return {
    ...statements,
    dialect: { name: 'mariadb', transactionalDdl: false },
    transaction: (work) => transaction(pool, timeoutMs, work),
    prepare: (id, work) => prepare({ pool, timeoutMs, ...place }, id, work),
    prepared: preparedOn(statements, place),
    snapshot: (work) => snapshot({ url, options }, work),
    exclusively: (name, work) => exclusively({ url, options }, name, work),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  }
}

/** Each statement on whichever connection is free. */
function onAny(pool: Pool, timeoutMs: number): Statements {
  const once = async <T>(ask: (statements: Statements) => Promise<T>): Promise<T> => {
    const connection = await pool.acquire()
    try {
      return await ask(statementsOn(connection, timeoutMs))
    } finally {
      pool.release(connection)
    }
  }
  return {
    query: (sql, params) => once((statements) => statements.query(sql, params)),
    execute: (sql, params) => once((statements) => statements.execute(sql, params)),
  }
}

async function transaction<T>(
  pool: Pool,
  timeoutMs: number,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const connection = await pool.acquire()
  try {
    return await transactionOn(connection, timeoutMs, work)
  } finally {
    pool.release(connection)
  }
}

/**
 * A statement that fails does not fail its transaction here, so the end waits for those before it. A connection on which
 * a transaction could not be ended is given up.
 */
async function transactionOn<T>(
  connection: Connection,
  timeoutMs: number,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const statements = statementsOn(connection, timeoutMs)
  const { tracking, outstanding, end: noMore } = tracked(statements)
  try {
    // Not awaited: the server reads it and the first statement in one go, and it fails only with the connection.
    statements.execute('START TRANSACTION').catch(() => undefined)
    const outcome = await work(tracking)
    await Promise.all(outstanding)
    noMore()
    await statements.execute('COMMIT')
    return outcome
  } catch (error) {
    noMore()
    // The connection is given up, and the first failure is the one to tell.
    await statements.execute('ROLLBACK').catch(() => connection.destroy())
    throw translated(error)
  }
}

/** Without the server's patience for idle transactions, which not every server measures in the same setting. */
async function snapshot<T>(
  { url, options }: { url: string; options: DatabaseOptions },
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const address = addressOf(url, options.applicationName)
  const patient = { ...options, statementTimeoutMs: exclusiveStatementMs }
  const connection = await connector(address, patient)()
  try {
    const statements = statementsOn(connection, exclusiveStatementMs)
    const [idle] = await statements.query("SHOW VARIABLES LIKE 'idle_transaction_timeout'")
    const setting = idle === undefined ? 'wait_timeout' : 'idle_transaction_timeout'
    await statements.execute(`SET SESSION ${setting} = ${exclusiveSilentMs / 1000}`)
    await statements.execute('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ')
    await statements.execute('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY')
    return await keptAwake(statements, () => work(statements))
  } finally {
    await end(connection)
  }
}

/** A lock on a connection of its own, so that it ends with the connection whatever happens. */
async function exclusively<T>(
  { url, options }: { url: string; options: DatabaseOptions },
  name: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const address = addressOf(url, options.applicationName)
  const patient = { ...options, statementTimeoutMs: exclusiveStatementMs }
  const connection = await connector(address, patient, { multipleStatements: true })()
  try {
    const statements = statementsOn(connection, exclusiveStatementMs)
    // The work may be done on other connections, and the lock goes with this one.
    await statements.execute(`SET SESSION wait_timeout = ${exclusiveSilentMs / 1000}`)
    await takeLock(statements, lockName(address.database, name))
    return await keptAwake(statements, () =>
      work({
        ...statements,
        transaction: (within) => transactionOn(connection, exclusiveStatementMs, within),
        script: async (sql) => void (await statements.query(sql)),
      }),
    )
  } catch (error) {
    throw error instanceof DatabaseUnavailable ? error : translated(error)
  } finally {
    await end(connection)
  }
}

async function takeLock(statements: Statements, name: string): Promise<void> {
  const [lock] = await statements.query<{ mine: number | null }>('SELECT GET_LOCK(?, ?) AS mine', [
    name,
    exclusiveWaitMs / 1000,
  ])
  if (lock?.mine !== 1)
    throw new DatabaseBusy(`somebody else has been at "${name}" for ${exclusiveWaitMs / 1000} s`)
}

/** Locks are the whole server's, and their names have 64 characters at most. */
const lockName = (database: string, name: string) =>
  `octavo:${createHash('sha256').update(`${database} ${name}`).digest('hex').slice(0, 40)}`
