import { assert } from '#kernel/assert'
import type { Context } from '../context.ts'
import { definitions } from './definitions.ts'
import { type Attempt, next, type Progress } from './next.ts'
import type { Saga, Step } from './saga.ts'

const claimMaxDefault = 128
/** A worker that has not written by then has lost its sagas to another one. */
const leaseSeconds = 30
const stepDeadlineMs = 12_000

/**
 * Claims up to `claimMax` due sagas and carries each as far as it goes now.
 * @returns how many were claimed
 */
export async function workOnce(context: Context, claimMax = claimMaxDefault): Promise<number> {
  let sagas = await claim(context, claimMax)
  const claimed = sagas.length
  while (sagas.length > 0) {
    const groups = Map.groupBy(sagas, (saga) => `${saga.definition} ${saga.state} ${saga.step}`)
    const continued = await Promise.all([...groups.values()].map((group) => attemptStep(context, group)))
    sagas = continued.flat()
  }
  return claimed
}

async function claim(context: Context, claimMax: number): Promise<Saga[]> {
  return await context.database.query<Saga>(
    `UPDATE orders.sagas SET leased_until = now() + make_interval(secs => $2), fence = fence + 1
      WHERE id IN (
        SELECT id FROM orders.sagas
         WHERE state IN ('running', 'compensating') AND due_at <= now()
           AND (leased_until IS NULL OR leased_until < now())
         ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
      RETURNING id, order_id AS "orderId", definition, state, step, attempt, data, due_at AS "dueAt", fence`,
    [claimMax, leaseSeconds],
  )
}

/** @returns the sagas that may go on to their next step at once */
async function attemptStep(context: Context, sagas: readonly Saga[]): Promise<Saga[]> {
  const [first] = sagas
  assert(first !== undefined, 'a group of sagas is never empty')
  const definition = definitions.get(first.definition)
  assert(definition !== undefined, `no saga is called ${first.definition}`)
  const step = definition.steps[first.step]
  assert(step !== undefined, `${definition.name} has no step ${first.step}`)
  const attempts = await Promise.all(sagas.map((saga) => attempt(context, step, saga)))
  const moves = sagas.map((saga, i) => {
    const progress = next(saga, definition.steps, attempts[i] as Attempt, context.clock.random())
    return { saga, progress }
  })
  const written = await write(context, step, moves)
  context.announced()
  return written
    .filter(
      ({ progress }) =>
        progress.event !== null && (progress.state === 'running' || progress.state === 'compensating'),
    )
    .map(({ saga, progress }) => ({ ...saga, ...progress, state: progress.state as Saga['state'] }))
}

async function attempt(context: Context, step: Step, saga: Saga): Promise<Attempt> {
  try {
    if (saga.state === 'running') return await within(step.run(context, saga))
    await within(step.compensate?.(context, saga) ?? Promise.resolve())
    return { kind: 'done' }
  } catch (error) {
    return { kind: 'failed', error: error instanceof Error ? error.message : String(error) }
  }
}

/** Every remote call has a deadline of its own; this one catches what forgot. */
async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${stepDeadlineMs} ms`)), stepDeadlineMs)
  })
  return await Promise.race([work, late]).finally(() => clearTimeout(timer))
}

type Move = { saga: Saga; progress: Progress }

/** Progress, journal and the step's local effect, in one transaction, for sagas whose fence still holds. */
async function write(context: Context, step: Step, moves: readonly Move[]): Promise<Move[]> {
  return await context.database.transaction(async (tx) => {
    const held = await tx.query<{ id: string }>(
      `UPDATE orders.sagas s
          SET state = m.state, step = m.step, attempt = m.attempt, data = m.data::jsonb, last_error = m.error,
              updated_at = now(),
              leased_until = CASE WHEN m.goes_on THEN s.leased_until END,
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
        moves.map(({ progress }) => progress.event !== null),
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

async function journal(tx: Parameters<NonNullable<Step['apply']>>[0], step: Step, moves: readonly Move[]) {
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
