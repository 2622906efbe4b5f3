import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BreakerState, closedBreaker, mayTry, onFailure, onSuccess, onTry } from './circuit-breaker.ts'

const limits = { failuresMax: 3, openMs: 500, openMaxMs: 1_500 }
const failing = (state: BreakerState, times: number, nowMs = 0) => {
  for (let i = 0; i < times; i++) state = onFailure(state, nowMs, limits)
  return state
}

test('it opens after failures in a row, and a success in between starts the count again', () => {
  const almost = failing(closedBreaker, 2)
  assert.equal(mayTry(almost, 0, limits), true)
  assert.equal(failing(onSuccess(almost), 2).kind, 'closed')
  assert.deepEqual(failing(almost, 1, 10), { kind: 'open', untilMs: 510, opened: 1 })
})

test('an open one lets nothing through until its time has come, then a single request', () => {
  const open = failing(closedBreaker, 3)
  assert.equal(mayTry(open, 499, limits), false)
  assert.equal(mayTry(open, 500, limits), true)
  const probing = onTry(open, 500)
  assert.equal(probing.kind, 'half-open')
  assert.equal(mayTry(probing, 501, limits), false)
})

test('a failed probe doubles the wait up to its limit, a good one closes it', () => {
  let state = failing(closedBreaker, 3)
  const waits: number[] = []
  for (let i = 0; i < 3; i++) {
    state = onFailure(onTry(state, 0), 0, limits)
    waits.push(state.kind === 'open' ? state.untilMs : -1)
  }
  assert.deepEqual(waits, [1_000, 1_500, 1_500])
  assert.deepEqual(onSuccess(onTry(state, 5_000)), closedBreaker)
})

test('failures that arrive while it is open change nothing', () => {
  const open = failing(closedBreaker, 3)
  assert.equal(failing(open, 50, 400), open)
})

test('a probe that was never answered does not keep it shut for ever', () => {
  const probing = onTry(failing(closedBreaker, 3), 500)
  assert.equal(mayTry(probing, 1_000, limits), true)
})
