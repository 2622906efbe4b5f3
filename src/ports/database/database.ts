import { Unavailable } from '#kernel/unavailable'

/**
 * A relational database: transactions, and two-phase commit from the participant's side. The URL's scheme picks the
 * adapter; a service writes its SQL for the dialect it is opened on, parameters included (`$1` or `?`). In every dialect
 * counts and whole numbers arrive as numbers, times as `Date` in UTC, and JSON as what it says.
 */
export type Database = AsyncDisposable &
  Statements & {
    readonly dialect: Dialect
    /**
     * Runs `work` in one transaction on one connection: commits when it resolves, rolls back when it throws. It sees
     * what others committed since it began (READ COMMITTED). Statements that `work` did not wait for travel with the
     * commit, and the transaction fails if one of them does.
     */
    transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
    /**
     * The same, but what `work` did is left prepared under `id` instead of committed when it votes `prepared`, and
     * undone when it votes `nothing`. When it rejects with DatabaseUnavailable it may be prepared all the same.
     * Source: X/Open XA; PostgreSQL PREPARE TRANSACTION, MariaDB XA PREPARE.
     * @param id once per server; letters, digits and `:._-`, up to `preparedIdBytesMax`
     */
    prepare<V extends Voted>(id: string, work: (tx: Transaction) => Promise<V>): Promise<V>
    readonly prepared: PreparedTransactions
    /**
     * Runs `work` in a transaction that writes nothing and sees one moment throughout: that of its beginning. It has a
     * connection of its own, may rest between statements, and each of them may take up to `exclusiveStatementMs`. A
     * process that is frozen for `exclusiveSilentMs` has lost it.
     */
    snapshot<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
    /**
     * Runs `work` on a connection of its own while nobody else on this server runs any under the same name; statements
     * there may take up to `exclusiveStatementMs`. A process that is frozen for `exclusiveSilentMs` has lost it, and with
     * it the connection.
     * @throws DatabaseBusy when another one has not finished within `exclusiveWaitMs`
     */
    exclusively<T>(name: string, work: (session: Session) => Promise<T>): Promise<T>
  }

export type Dialect = {
  readonly name: 'postgres' | 'mariadb'
  /** Whether a transaction that is rolled back takes its DDL back with it. */
  readonly transactionalDdl: boolean
}

export type Statements = {
  /** Rows of a statement with parameters in the dialect's form. */
  query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]>
  /** Number of rows that a statement matched and wrote, those included that it wrote as they were. */
  execute(sql: string, params?: readonly unknown[]): Promise<number>
}

/** The statements of one transaction, on its connection. */
export type Transaction = Statements

export type Session = Statements &
  Pick<Database, 'transaction'> & {
    /** Runs several statements parted by semicolons, as a file holds them. */
    script(sql: string): Promise<void>
  }

export type Voted = { readonly kind: 'prepared' | 'nothing' }

export type PreparedTransactions = {
  /** Also from another process than the one that prepared. `absent`: it is not there, so it was finished before. */
  commit(id: string): Promise<'done' | 'absent'>
  abort(id: string): Promise<'done' | 'absent'>
  /** Ids of what is prepared in this database and not finished. They survive every crash. */
  inDoubt(): Promise<string[]>
}

/** What XA has room for. */
export const preparedIdBytesMax = 64
export const exclusiveStatementMs = 10 * 60_000
export const exclusiveWaitMs = 60_000
/** Who has said nothing for so long is frozen: the server takes its lock away. Shorter than others wait for it. */
export const exclusiveSilentMs = 40_000

export type DatabaseOptions = {
  applicationName: string
  connectionsMax?: number
  /** Upper bound for a statement, waiting for locks included. */
  statementTimeoutMs?: number
  /** Plan each statement once, whatever its parameters: right for short ones by key, wrong for searches. */
  planOnce?: boolean
  /** Upper bound for a wait on a lock. */
  lockTimeoutMs?: number
  /** Whatever would write is refused. */
  readOnly?: boolean
}

export type ConstraintKind = 'unique' | 'check' | 'foreign-key'

/** The named constraint that a statement ran into. Name primary keys otherwise: not every dialect does. */
export class ConstraintViolation extends Error {
  override name = 'ConstraintViolation'
  readonly constraint: string
  readonly kind: ConstraintKind
  constructor(kind: ConstraintKind, constraint: string, cause: unknown) {
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

/** Rows were not as the transaction had seen them; nothing was changed, and it can be tried again. */
export class SerializationFailure extends DatabaseBusy {
  override name = 'SerializationFailure'
}

/** @throws Error when it is not an id that every dialect takes */
export function checkPreparedId(id: string): void {
  if (!/^[\w:.-]+$/.test(id) || id.length > preparedIdBytesMax) throw new Error(`not a transaction id: ${id}`)
}
