import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Attempt, next, type Progress } from './next.ts'

const steps = [{ name: 'hold' }, { name: 'pay', attemptsMax: 3 }, { name: 'confirm' }]
const at = (step: number, state: 'running' | 'compensating' = 'running', attempt = 0) => {
  return { state, step, attempt, data: {} }
}
const done: Attempt = { kind: 'done' }
const failed: Attempt = { kind: 'failed', error: 'no answer' }

test('steps run one after the other, and the last one ends the saga', () => {
  assert.deepEqual(where(next(at(0), steps, done, 0)), ['running', 1, 'ran'])
  assert.deepEqual(where(next(at(2), steps, done, 0)), ['done', 3, 'ran'])
})

test('a refusal turns round at the step that was refused, with its reason', () => {
  const progress = next(at(1), steps, { kind: 'refused', reason: 'declined' }, 0)
  assert.deepEqual(where(progress), ['compensating', 1, 'refused'])
  assert.deepEqual(progress.data, { refusedAt: 'pay', reason: 'declined' })
})

test('compensation goes down to the first step, and then the saga is compensated', () => {
  assert.deepEqual(where(next(at(1, 'compensating'), steps, done, 0)), ['compensating', 0, 'compensated'])
  assert.deepEqual(where(next(at(0, 'compensating'), steps, done, 0)), ['compensated', 0, 'compensated'])
})

test('a failure is tried again later, ever later, and is told', () => {
  const [first, later] = [next(at(0), steps, failed, 0.99), next(at(0, 'running', 5), steps, failed, 0.99)]
  assert.deepEqual(where(first), ['running', 0, null])
  assert.equal(first.attempt, 1)
  assert.equal(first.lastError, 'no answer')
  assert.ok(first.dueInMs >= 50 && later.dueInMs > first.dueInMs)
  assert.ok(next(at(0, 'running', 1e6), steps, failed, 0.99).dueInMs <= 30_000)
})

test('a step with a limit of attempts counts as refused when they are used up', () => {
  assert.deepEqual(where(next(at(1, 'running', 1), steps, failed, 0)), ['running', 1, null])
  assert.deepEqual(where(next(at(1, 'running', 2), steps, failed, 0)), ['compensating', 1, 'refused'])
})

test('undoing is tried for ever, whatever limit the step has', () => {
  assert.deepEqual(where(next(at(1, 'compensating', 1_000), steps, failed, 0)), ['compensating', 1, null])
})

test('waiting is no attempt', () => {
  const progress = next(at(2, 'running', 1), steps, { kind: 'wait', ms: 700 }, 0)
  assert.deepEqual(where(progress), ['running', 2, null])
  assert.deepEqual([progress.attempt, progress.dueInMs], [1, 700])
})

const where = ({ state, step, event }: Progress) => [state, step, event]
