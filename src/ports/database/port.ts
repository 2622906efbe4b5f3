import { Unavailable } from '#kernel/unavailable'

/** A relational database. The URL's scheme picks the adapter; SQL is written for the adapter's dialect by its service. */
export type Database = AsyncDisposable &
  Statements & {
    /**
     * Runs `work` in one transaction on one connection: commits when it resolves, rolls back when it throws. Statements
     * that `work` did not wait for travel with the commit, and the transaction fails if one of them does.
     */
    transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
    /** Calls back when `channel`'s doorbell rings, and after every reconnect, because rings may have been missed. */
    listen(channel: string, onRing: () => void): Promise<AsyncDisposable>
    /** Rings the doorbell of `channel`. Outside of every business transaction: inside, it serialises commits. */
    notify(channel: string): Promise<void>
    /** Two-phase commit, the participant's side. Source: X/Open XA; PostgreSQL PREPARE TRANSACTION. */
    readonly prepared: PreparedTransactions
  }

export type Statements = {
  /** Rows of a statement with `$1`-style parameters. */
  query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]>
  /** Number of rows a statement changed. */
  execute(sql: string, params?: readonly unknown[]): Promise<number>
}

export type Transaction = Statements & {
  /** Instead of committing when `work` resolves, leave the transaction prepared under this id. */
  prepareAs(id: string): void
}

export type PreparedTransactions = {
  /** Resolves as well when the transaction is not there: it was finished before. */
  commit(id: string): Promise<'done' | 'absent'>
  abort(id: string): Promise<'done' | 'absent'>
  /** Prepared and not yet finished, by this service: age in ms by the database's clock, oldest first. */
  inDoubt(): Promise<{ id: string; ageMs: number }[]>
}

export type DatabaseOptions = {
  applicationName: string
  connectionsMax?: number
  /** Upper bound for a statement, waiting for locks included. */
  statementTimeoutMs?: number
  /** Plan each statement once, whatever its parameters: right for short ones by key, wrong for searches. */
  planOnce?: boolean
  /** Upper bound for a wait on a lock. */
  lockTimeoutMs?: number
}

/** The unique or check constraint that a statement ran into. */
export class ConstraintViolation extends Error {
  override name = 'ConstraintViolation'
  readonly constraint: string
  readonly kind: 'unique' | 'check' | 'foreign-key'
  constructor(kind: 'unique' | 'check' | 'foreign-key', constraint: string, cause: unknown) {
    super(`${kind} constraint ${constraint}`, { cause })
    this.kind = kind
    this.constraint = constraint
  }
}

/** The database is away, or the connection was lost while a statement ran: a write's outcome is unknown. */
export class DatabaseUnavailable extends Unavailable {
  override name = 'DatabaseUnavailable'
}

/** The database refused to wait longer (lock, statement or deadlock); nothing was changed. */
export class DatabaseBusy extends Unavailable {
  override name = 'DatabaseBusy'
}

/** Rows were not as the transaction had seen them (SQLSTATE 40001); nothing was changed, and it can be tried again. */
export class SerializationFailure extends DatabaseBusy {
  override name = 'SerializationFailure'
}

/** @throws Error naming the schemes that exist when the URL has another one */
export async function openDatabase(url: string, options: DatabaseOptions): Promise<Database> {
  const scheme = url.split(':', 1)[0] ?? ''
  if (scheme === 'postgres' || scheme === 'postgresql')
    return (await import('./postgres.ts')).openPostgres(url, options)
  throw new Error(`no database adapter for "${scheme}:"; use postgres://…`)
}

export { intArray, textArray, uuidArray } from './binary-array.ts'
export { migrate } from './migrate.ts'
