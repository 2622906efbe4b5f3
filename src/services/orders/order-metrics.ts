import { unpackBytes } from '#kernel/packed-list'
import { logger } from '#ports/log'
import { isTraced, isTracing, noteSpan, nowMs, roleMeter, secondsBuckets } from '#ports/telemetry'
import type { PackedGroup } from '#services/orders'
import type { Progress } from './saga/next.ts'
import type { Saga } from './saga/saga.ts'

const meter = roleMeter('orders')
const log = logger('sagas')
/** A step that has failed so often is more than a moment's trouble. */
const complainsAt = 3

const steps = meter.counter('octavo_saga_steps_total', 'Steps of sagas, by what they came to.', [
  'definition',
  'step',
  'event',
])
const stepSeconds = meter.histogram(
  'octavo_saga_step_seconds',
  'Attempts at steps of sagas.',
  secondsBuckets,
  ['step'],
)
const ended = meter.counter('octavo_sagas_ended_total', 'Sagas that came to their end.', [
  'definition',
  'state',
])

/** One attempt at a step took so long and led there. */
export function noteStep(saga: Saga, step: string, progress: Progress, seconds: number): void {
  const { definition, orderId } = saga
  stepSeconds.observe(seconds, step)
  const event = progress.event ?? (progress.lastError === null ? 'waits' : 'failed')
  steps.add(1, definition, step, event)
  if (progress.lastError !== null && progress.attempt === complainsAt)
    log.warn('a step keeps failing', {
      ...{
        orderId,
        sagaId: saga.id,
        definition,
        step,
        attempt: progress.attempt,
        reason: progress.lastError,
      },
    })
  if (progress.state === 'done' || progress.state === 'compensated') ended.add(1, definition, progress.state)
  if (!isTracing()) return
  const endMs = nowMs()
  noteSpan({
    ...{ of: orderId, role: 'orders', name: `${definition} ${step}`, startMs: endMs - seconds * 1000, endMs },
    attributes: {
      'octavo.saga.id': saga.id,
      'octavo.saga.event': event,
      'octavo.saga.state': progress.state,
    },
    ...(event === 'failed' && { error: 'failed' }),
  })
}

/** From here on these orders exist, also for who looks at the trace of one whose coordinator has died. */
export function traceCommitted(transactionId: string, { portions }: PackedGroup, startMs: number): void {
  if (!isTracing()) return
  const at = { startMs, endMs: nowMs(), role: 'orders', name: 'is committed', links: [transactionId] }
  for (const { ids } of portions)
    for (const bytes of unpackBytes(ids)) {
      const digits = bytes.toString('hex')
      if (isTraced(digits)) noteSpan({ ...at, of: hyphenated(digits) })
    }
}

const hyphenated = (digits: string) => digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
