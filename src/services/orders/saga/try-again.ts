import type { Context } from '../context.ts'
import { definitions } from './definitions.ts'
import type { Progress } from './next.ts'
import type { Saga } from './saga.ts'

/** From this attempt on a saga waits for seconds between its attempts, and may be late when what it wants is back. */
const waitsLongFrom = 4
/** A saga that is due sooner than that is left alone. */
const soonSeconds = 1
/** Those that succeed one after the other wake the rest once. */
const wakeEveryMs = 500

type Parts = Pick<Context, 'database' | 'sagaDue'>

/**
 * Of the sagas that keep failing at a step, has one try now: the one that failed the fewest times, since that is least
 * likely to fail by a fault of its own. Called every so often it finds out soon when what was away is back, however
 * long the sagas wait by themselves. Steps with a limited number of attempts keep their pace.
 * @returns how many were made due
 */
export async function probeFailing({ database, sagaDue }: Parts): Promise<number> {
  const limited = [...definitions.values()].flatMap(({ name, steps }) =>
    steps.flatMap(({ attemptsMax }, step) => (attemptsMax === undefined ? [] : [{ name, step }])),
  )
  const probed = await database.execute(
    `UPDATE orders.sagas SET due_at = now() WHERE id IN (
       SELECT DISTINCT ON (definition, state, step) id FROM orders.sagas
        WHERE state IN ('running', 'compensating') AND attempt >= $1
          AND due_at > now() + make_interval(secs => $2) AND (leased_until IS NULL OR leased_until < now())
          AND NOT (state = 'running' AND (definition, step) IN (SELECT * FROM unnest($3::text[], $4::int[])))
        ORDER BY definition, state, step, attempt, due_at)`,
    [waitsLongFrom, soonSeconds, limited.map(({ name }) => name), limited.map(({ step }) => step)],
  )
  if (probed > 0) sagaDue()
  return probed
}

/**
 * Follows what comes of attempts: once a step succeeds that had kept failing, all others that failed there are due. What
 * it cannot write costs them the rest of their wait.
 */
export function wakeWhenBack({
  database,
  sagaDue,
  clock,
}: Parts & Pick<Context, 'clock'>): (saga: Saga, progress: Progress) => Promise<void> {
  const wokenMs = new Map<string, number>()
  return async ({ definition, state, step, attempt }, { event }) => {
    const isBack = event === (state === 'running' ? 'ran' : 'compensated')
    if (!isBack || attempt < waitsLongFrom) return
    const place = `${definition} ${state} ${step}`
    const nowMs = clock.monotonicMs()
    if (nowMs - (wokenMs.get(place) ?? Number.NEGATIVE_INFINITY) < wakeEveryMs) return
    wokenMs.set(place, nowMs)
    const woken = await database.execute(
      `UPDATE orders.sagas SET due_at = now()
        WHERE state IN ('running', 'compensating') AND definition = $1 AND state = $2 AND step = $3 AND attempt > 0
          AND due_at > now() + make_interval(secs => $4)`,
      [definition, state, step, soonSeconds],
    )
    if (woken > 0) sagaDue()
  }
}
