import type { Decision, DecisionLog } from '#kernel/transaction'
import { uuid7TimeMs } from '#ports/clock'
import { ConstraintViolation, type Database } from '#ports/database'

/** Rows younger than this are never pruned. */
export const keptMs = 60 * 60_000
/** A transaction begun longer ago than this may no longer commit: its fence may have been pruned. */
export const commitWithinMs = keptMs / 2

export const decisionKey = 'decisions_pkey'

/** Decisions live with the orders, so that one local commit carries both. */
export function createDecisionLog(database: Database): DecisionLog {
  return {
    async record(id, participants) {
      try {
        await database.execute(
          `INSERT INTO orders.decisions (transaction_id, outcome, participants) VALUES ($1, 'committed', $2)`,
          [id, participants],
        )
        return 'recorded'
      } catch (error) {
        if (error instanceof ConstraintViolation && error.constraint === decisionKey) return 'fenced'
        throw error
      }
    },

    async resolve(id) {
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
    },
  }
}

/** Whether a transaction is too old to be decided on now. Its id says when it began. */
export const isTooOld = (transactionId: string, nowMs: number) =>
  nowMs - uuid7TimeMs(transactionId) > commitWithinMs

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
