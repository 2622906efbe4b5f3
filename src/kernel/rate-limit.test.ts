import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admit } from './rate-limit.ts'

const policy = { perSecond: 10, burst: 5 }

/** Asks every `everyMs` for ten seconds. @returns how many were let through */
function through(everyMs: number): number {
  let [due, count]: [number | undefined, number] = [undefined, 0]
  for (let now = 0; now < 10_000; now += everyMs) {
    const verdict = admit(due, now, policy)
    due = verdict.dueMs
    if (verdict.isAllowed) count++
  }
  return count
}

test('a burst passes, then the pace; who keeps it is never refused', () => {
  let due: number | undefined
  const verdicts = Array.from({ length: 7 }, () => {
    const verdict = admit(due, 1_000, policy)
    due = verdict.dueMs
    return [verdict.isAllowed, verdict.remaining, Math.round(verdict.waitMs)]
  })
  assert.deepEqual(verdicts.slice(0, 6), [
    [true, 4, 0],
    [true, 3, 0],
    [true, 2, 0],
    [true, 1, 0],
    [true, 0, 100],
    [false, 0, 100],
  ])
  assert.equal(through(100), 100)
  assert.ok(through(1) <= 105 && through(1) >= 100)
})

test('what was refused costs nothing, and time gives the burst back', () => {
  let due: number | undefined
  for (let i = 0; i < 50; i++) due = admit(due, 0, policy).dueMs
  assert.equal(admit(due, 99, policy).isAllowed, false)
  assert.equal(admit(due, 100, policy).isAllowed, true)
  assert.equal(admit(due, 60_000, policy).remaining, 4)
})
