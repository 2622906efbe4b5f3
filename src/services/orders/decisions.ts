import { type Decision, type DecisionLog, transactionLifeMs } from '#kernel/transaction'
import { type Clock, systemClock, uuid7TimeMs } from '#ports/clock'
import { ConstraintViolation, type Database } from '#ports/database'

/** Rows younger than this are never pruned. */
const keptMs = 2 * transactionLifeMs

export const decisionKey = 'decisions_pkey'

/** Decisions live with the orders, so that one local commit carries both. */
export function createDecisionLog(database: Database, clock: Clock = systemClock): DecisionLog {
  return {
    async record(id, participants) {
      // That it was aborted may have been forgotten since.
      if (isTooOld(id, clock.now())) return 'fenced'
      try {
        await database.execute(
          `INSERT INTO orders.decisions (transaction_id, outcome, participants) VALUES ($1, 'committed', $2)`,
          [id, participants],
        )
        return 'recorded'
      } catch (error) {
        if (!(error instanceof ConstraintViolation && error.constraint === decisionKey)) throw error
        // The same request may have come before; then this is its decision, and nobody else's.
        return (await resolve(database, id)) === 'committed' ? 'recorded' : 'fenced'
      }
    },
    resolve: (id) => resolve(database, id),
  }
}

/** What was decided on a transaction; where nothing was, decides `aborted`, for good. */
export async function resolve(database: Database, id: string): Promise<Decision> {
  await database.execute(
    `INSERT INTO orders.decisions (transaction_id, outcome, participants) VALUES ($1, 'aborted', '{}')
     ON CONFLICT DO NOTHING`,
    [id],
  )
  const [row] = await database.query<{ outcome: Decision }>(
    'SELECT outcome FROM orders.decisions WHERE transaction_id = $1',
    [id],
  )
  if (row === undefined) throw new Error(`decision ${id} vanished while it was read`)
  return row.outcome
}

/** Whether a transaction is too old to be decided on now. Its id says when it began. */
export const isTooOld = (transactionId: string, nowMs: number) =>
  nowMs - uuid7TimeMs(transactionId) > transactionLifeMs

/**
 * Forgets decisions from before `before`, which the caller has made sure every participant has followed.
 * @returns how many
 */
export async function prune(database: Database, before: Date, nowMs: number): Promise<number> {
  const limit = new Date(Math.min(before.getTime(), nowMs - keptMs))
  return await database.execute(
    `DELETE FROM orders.decisions WHERE transaction_id IN
       (SELECT transaction_id FROM orders.decisions WHERE decided_at < $1 LIMIT 50000)`,
    [limit],
  )
}
