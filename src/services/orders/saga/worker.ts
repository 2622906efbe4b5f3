import { assert } from '#kernel/assert'
import { type Batcher, createBatcher } from '#kernel/batcher'
import { Unavailable } from '#kernel/unavailable'
import { logger } from '#ports/log'
import type { Context } from '../context.ts'
import { noteStep } from '../order-metrics.ts'
import { definitions } from './definitions.ts'
import { type Attempt, atWork, next } from './next.ts'
import type { Saga, Step } from './saga.ts'
import { wakeWhenBack } from './try-again.ts'
import { goesOn, leaseSeconds, type Move, writeProgress } from './write-progress.ts'

const log = logger('sagas')

/** Sagas claimed in one statement, and those under way in one process. */
const claimMaxDefault = 128
const underWayMax = 512
const stepDeadlineMs = 12_000

export type SagaWorker = AsyncDisposable & {
  /**
   * Claims due sagas and sets them on their way.
   * @returns how many were claimed
   */
  work(): Promise<number>
  /** Resolves when no saga is under way here. */
  idle(): Promise<void>
}

/**
 * Carries sagas as far as they go now, each at its own pace, so that none waits for another's slow step; what arrives
 * at a step while the last batch of it is being written is written together.
 */
export function createSagaWorker(context: Context, claimMax = claimMaxDefault): SagaWorker {
  const underWay = new Set<Promise<void>>()
  const wake = wakeWhenBack(context)
  const writers = new Map<Step, Batcher<Writing>>()
  const writerOf = (step: Step) => {
    const writer = writers.get(step) ?? createWriter(context, step)
    writers.set(step, writer)
    return writer
  }
  return {
    async work() {
      while (underWay.size >= underWayMax) await Promise.race(underWay)
      const sagas = await claim(context, Math.min(claimMax, underWayMax - underWay.size))
      for (const saga of sagas) {
        // What could not be written is claimed again when its lease has run out.
        const carried = carry(context, saga, writerOf, wake)
          .catch((error: unknown) =>
            log.warn('a saga was not carried on', { sagaId: saga.id, orderId: saga.orderId, error }),
          )
          .finally(() => underWay.delete(carried))
        underWay.add(carried)
      }
      return sagas.length
    },
    async idle() {
      await Promise.all(underWay)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(underWay)
    },
  }
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

/** One saga, step by step, until it waits, ends or is another worker's. */
async function carry(
  context: Context,
  claimed: Saga,
  writerOf: (step: Step) => Batcher<Writing>,
  wake: ReturnType<typeof wakeWhenBack>,
): Promise<void> {
  let saga = atWork(claimed, placeOf(claimed).steps)
  for (;;) {
    const { steps, step } = placeOf(saga)
    const startedMs = context.clock.monotonicMs()
    const tried = await attempt(context, step, saga)
    const progress = next(saga, steps, tried, context.clock.random())
    const seconds = (context.clock.monotonicMs() - startedMs) / 1000
    const isOurs = await written(writerOf(step), { saga, progress })
    if (isOurs) noteStep(saga, step.name, progress, seconds)
    if (isOurs) await wake(saga, progress)
    if (!isOurs || !goesOn(progress)) return
    saga = atWork({ ...saga, ...progress, state: progress.state as Saga['state'] }, steps)
  }
}

function placeOf(saga: Saga): { steps: readonly Step[]; step: Step } {
  const definition = definitions.get(saga.definition)
  assert(definition !== undefined, `no saga is called ${saga.definition}`)
  const step = definition.steps[saga.step]
  assert(step !== undefined, `${definition.name} has no step ${saga.step}`)
  return { steps: definition.steps, step }
}

async function attempt(context: Context, step: Step, saga: Saga): Promise<Attempt> {
  try {
    if (saga.state === 'running')
      return await within(step.run?.(context, saga) ?? Promise.resolve({ kind: 'done' }))
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

type Writing = Move & { resolve(isOurs: boolean): void; reject(error: unknown): void }

function createWriter(context: Context, step: Step): Batcher<Writing> {
  const run = async (writings: Writing[]): Promise<void> => {
    try {
      const ours = new Set(await writeProgress(context, step, writings))
      context.newsDue()
      for (const writing of writings) writing.resolve(ours.has(writing))
    } catch (error) {
      if (writings.length === 1 || error instanceof Unavailable)
        for (const writing of writings) writing.reject(error)
      // One that cannot be written must not keep the others from it.
      else for (const writing of writings) await run([writing])
    }
  }
  return createBatcher<Writing>({ run, batchMax: claimMaxDefault, queueMax: underWayMax })
}

function written(writer: Batcher<Writing>, move: Move): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const isTaken = writer.add({ ...move, resolve, reject })
    assert(isTaken, 'a saga writes one move at a time, and the queue holds one for each')
  })
}
