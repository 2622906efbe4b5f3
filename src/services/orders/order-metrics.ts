import { roleMeter, secondsBuckets } from '#ports/telemetry'
import type { Progress } from './saga/next.ts'

const meter = roleMeter('orders')

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
export function noteStep(definition: string, step: string, progress: Progress, seconds: number): void {
  stepSeconds.observe(seconds, step)
  const tried = progress.lastError === null ? 'waits' : 'failed'
  steps.add(1, definition, step, progress.event ?? tried)
  if (progress.state === 'done' || progress.state === 'compensated') ended.add(1, definition, progress.state)
}
