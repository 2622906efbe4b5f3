import type { Statements } from '#ports/database'
import type { Context } from '../context.ts'
import type { Progress } from './next.ts'
import type { Saga, Step } from './saga.ts'

/** A worker that has not written for so long has lost its sagas to another one. */
export const leaseSeconds = 30

/** Whether the saga has a next step to take at once. */
export const goesOn = ({ event, state }: Progress) =>
  event !== null && (state === 'running' || state === 'compensating')

/** A saga with where it stands after an attempt at its step. */
export type Move = { saga: Saga; progress: Progress }

/**
 * Progress, journal and the step's local effect, in one transaction, for sagas whose fence still holds.
 * @returns the moves that were written; the others belong to another worker by now
 */
export async function writeProgress(context: Context, step: Step, moves: readonly Move[]): Promise<Move[]> {
  return await context.database.transaction(async (tx) => {
    const held = await tx.query<{ id: string }>(
      `UPDATE orders.sagas s
          SET state = m.state, step = m.step, attempt = m.attempt, data = m.data::jsonb, last_error = m.error,
              updated_at = CASE WHEN (s.state, s.step) = (m.state, m.step) THEN s.updated_at ELSE now() END,
              leased_until = CASE WHEN m.goes_on THEN now() + make_interval(secs => $11) END,
              due_at = CASE WHEN m.goes_on OR date_trunc('milliseconds', s.due_at) <> m.claimed_due THEN s.due_at
                            ELSE now() + make_interval(secs => m.due_in_ms / 1000.0) END
         FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::int[], $6::text[], $7::text[], $8::timestamptz[],
                     $9::float8[], $10::boolean[])
           AS m (id, fence, state, step, attempt, data, error, claimed_due, due_in_ms, goes_on)
        WHERE s.id = m.id AND s.fence = m.fence
        RETURNING s.id`,
      [
        moves.map(({ saga }) => saga.id),
        moves.map(({ saga }) => saga.fence),
        moves.map(({ progress }) => progress.state),
        moves.map(({ progress }) => progress.step),
        moves.map(({ progress }) => progress.attempt),
        moves.map(({ progress }) => JSON.stringify(progress.data)),
        moves.map(({ progress }) => progress.lastError),
        moves.map(({ saga }) => saga.dueAt),
        moves.map(({ progress }) => progress.dueInMs),
        moves.map(({ progress }) => goesOn(progress)),
        leaseSeconds,
      ],
    )
    const ids = new Set(held.map((row) => row.id))
    const mine = moves.filter(({ saga }) => ids.has(saga.id))
    await journal(tx, step, mine)
    const ran = mine.filter(({ progress }) => progress.event === 'ran').map(({ saga }) => saga)
    const undone = mine.filter(({ progress }) => progress.event === 'compensated').map(({ saga }) => saga)
    if (ran.length > 0) await step.apply?.(tx, ran, context)
    if (undone.length > 0) await step.applyCompensation?.(tx, undone, context)
    return mine
  })
}

async function journal(tx: Statements, step: Step, moves: readonly Move[]): Promise<void> {
  const noted = moves.filter(({ progress }) => progress.event !== null)
  if (noted.length === 0) return
  await tx.execute(
    `INSERT INTO orders.saga_journal (saga_id, step, event, detail)
     SELECT id, $2, event, detail FROM unnest($1::uuid[], $3::text[], $4::text[]) AS j (id, event, detail)`,
    [
      noted.map(({ saga }) => saga.id),
      step.name,
      noted.map(({ progress }) => progress.event),
      noted.map(({ progress }) => (progress.event === 'refused' ? progress.data.reason : null)),
    ],
  )
}
