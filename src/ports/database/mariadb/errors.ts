import {
  type ConstraintKind,
  ConstraintViolation,
  DatabaseBusy,
  DatabaseUnavailable,
  SerializationFailure,
} from '../database.ts'

/** What the driver throws. */
type ServerError = Error & {
  errno: number
  sqlState: string | null
  sqlMessage: string | null
  fatal: boolean
}

/** Numbers that MariaDB and MySQL share, or that only one of them has. Source: both manuals' lists of error codes. */
const constraintKinds: Readonly<Record<number, ConstraintKind>> = {
  1062: 'unique',
  1169: 'unique',
  // A branch with this id is prepared already.
  1440: 'unique',
  1451: 'foreign-key',
  1452: 'foreign-key',
  // MySQL's and MariaDB's.
  3819: 'check',
  4025: 'check',
}
/** Lock waits, deadlocks, those of a branch, and statements that took too long (MariaDB's, MySQL's). */
const busyNumbers = new Set([1205, 1213, 1613, 1614, 1969, 3024, 3572])
/** Rows have changed since the transaction's snapshot. */
const serializationNumbers = new Set([1020])
/**
 * Too many connections, shutdown, aborted and killed connections, one that was idle for too long, and a server that takes
 * no writes (a replica, or a primary that became one).
 */
const awayNumbers = new Set([1040, 1053, 1077, 1152, 1158, 1159, 1160, 1161, 1290, 1317, 1836, 1927, 4031])
/** No room on the disk or in memory, and too many connections of one user or from one host: as PostgreSQL's class 53. */
const noRoomNumbers = new Set([1021, 1026, 1037, 1038, 1041, 1114, 1129, 1203, 1226])
/** What the storage engine says of a full disk (ENOSPC). */
const engineFailed = 1030
const isNoRoom = ({ errno, sqlMessage }: ServerError) =>
  noRoomNumbers.has(errno) || (errno === engineFailed && /\b28\b/.test(sqlMessage ?? ''))
const noSuchBranch = 1397
/** The driver's own errors: lost sockets, connections that could not be made. */
const isDriversOwn = (errno: number) => errno >= 45_000 && errno < 46_000

/** Turns the driver's error into one of the port's. */
export function translated(error: unknown): Error {
  if (
    error instanceof ConstraintViolation ||
    error instanceof DatabaseUnavailable ||
    error instanceof DatabaseBusy
  )
    return error
  if (!isServerError(error))
    return isSocketError(error)
      ? new DatabaseUnavailable('the database is away', { cause: error })
      : asError(error)
  const { errno, fatal } = error
  const message = error.sqlMessage ?? error.message
  const kind = constraintKinds[errno]
  if (kind) return new ConstraintViolation(kind, constraintIn(message, kind), error)
  if (serializationNumbers.has(errno)) return new SerializationFailure(message, { cause: error })
  if (busyNumbers.has(errno)) return new DatabaseBusy(message, { cause: error })
  if (awayNumbers.has(errno) || isNoRoom(error) || (isDriversOwn(errno) && fatal) || isSocketError(error))
    return new DatabaseUnavailable(message, { cause: error })
  return new Error(`database: ${message}`, { cause: error })
}

/** Whether a branch could not be finished because nobody has it, or somebody still does. */
export function isNoSuchBranch(error: unknown): boolean {
  const source = error instanceof Error && error.cause !== undefined ? error.cause : error
  return isServerError(source) && source.errno === noSuchBranch
}

/**
 * The constraint's name out of the message, which is all that says it: "for key 'things.one_thing'" (MySQL puts the table
 * before it), "CONSTRAINT `not_negative` failed", "Check constraint 'not_negative' is violated", "CONSTRAINT `name` FOREIGN
 * KEY". A primary key is called PRIMARY whatever it was named.
 */
function constraintIn(message: string, kind: ConstraintKind): string {
  const name =
    kind === 'unique'
      ? /for key '([^']*)'\s*$/.exec(message)?.[1]
      : /constraint [`']([^`']+)[`']/i.exec(message)?.[1]
  return name?.split('.').at(-1) ?? ''
}

function isServerError(error: unknown): error is ServerError {
  return (
    error instanceof Error && typeof (error as Partial<ServerError>).errno === 'number' && 'sqlState' in error
  )
}

function isSocketError(error: unknown): boolean {
  const code = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? '') : ''
  return /^(ECONN|EPIPE|ENOENT|EHOSTUNREACH|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ER_SOCKET|ER_CONNECTION_TIMEOUT)/.test(
    String(code),
  )
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
