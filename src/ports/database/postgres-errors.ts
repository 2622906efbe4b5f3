import pg from 'pg'
import { NoPrimary } from '#ports/postgres'
import {
  type ConstraintKind,
  ConstraintViolation,
  DatabaseBusy,
  DatabaseUnavailable,
  SerializationFailure,
} from './database.ts'

const constraintKinds: Readonly<Record<string, ConstraintKind>> = {
  '23505': 'unique',
  '23514': 'check',
  '23503': 'foreign-key',
}
/** Lock not available, statement or transaction cancelled by timeout, deadlock. */
const busyCodes = new Set(['55P03', '57014', '40P01'])
const serializationFailure = '40001'
const noSuchObject = '42704'
const readOnly = '25006'
const noWrites = 'the database takes no writes just now; reads go on'

/** Turns the driver's error into one of the port's. Source: PostgreSQL manual, appendix A. */
export function translated(error: unknown): Error {
  if (
    error instanceof ConstraintViolation ||
    error instanceof DatabaseUnavailable ||
    error instanceof DatabaseBusy
  )
    return error
  if (!(error instanceof pg.DatabaseError))
    return isConnectionError(error) || error instanceof NoPrimary
      ? new DatabaseUnavailable('the database is away', { cause: error })
      : asError(error)
  const code = error.code ?? ''
  const kind = constraintKinds[code]
  if (kind) return new ConstraintViolation(kind, error.constraint ?? '', error)
  if (code === serializationFailure) return new SerializationFailure(error.message, { cause: error })
  if (busyCodes.has(code)) return new DatabaseBusy(error.message, { cause: error })
  // A demoted primary, or one with too few replicas. Then class 08 connection, 57P shutdown, 53 resources.
  if (code === readOnly) return new DatabaseUnavailable(noWrites, { cause: error })
  if (/^(08|57P|53)/.test(code)) return new DatabaseUnavailable(error.message, { cause: error })
  return new Error(`database: ${error.message}`, { cause: error })
}

/** Whether a statement failed because what it names is not there. */
export function isAbsent(error: unknown): boolean {
  const source = error instanceof Error && error.cause !== undefined ? error.cause : error
  return source instanceof pg.DatabaseError && source.code === noSuchObject
}

/** Whether a statement was refused because its server takes no writes: it has done nothing. */
export function wasReadOnly(error: unknown): boolean {
  const source = error instanceof Error && error.cause !== undefined ? error.cause : error
  return source instanceof pg.DatabaseError && source.code === readOnly
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
