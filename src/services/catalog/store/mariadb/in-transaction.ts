import { systemClock } from '#ports/clock'
import type { Database, Transaction } from '#ports/database'
import { Unstorable } from '../book-store.ts'

const deadlockAttemptsMax = 5
const deadlockPauseMs = 20
/** Source: MariaDB and MySQL, ER_LOCK_DEADLOCK. */
const deadlockNumber = 1213

/**
 * Two edits may lock words and books in a ring, which the server ends by undoing one of them: that one is made again.
 * Source: SQLSTATE class 22, data exceptions.
 * @param work can be run again
 */
export async function inTransaction<T>(
  database: Database,
  work: (tx: Transaction) => Promise<T>,
  attempt = 1,
): Promise<T> {
  try {
    return await database.transaction(work)
  } catch (error) {
    const cause =
      error instanceof Error ? (error.cause as { sqlState?: unknown; errno?: number } | undefined) : undefined
    if (cause?.errno === deadlockNumber && attempt < deadlockAttemptsMax) {
      await systemClock.sleep(systemClock.random() * deadlockPauseMs * attempt)
      return await inTransaction(database, work, attempt + 1)
    }
    if (error instanceof Error && typeof cause?.sqlState === 'string' && cause.sqlState.startsWith('22'))
      throw new Unstorable(error.message, { cause })
    throw error
  }
}
