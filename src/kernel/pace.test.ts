import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPace } from './pace.ts'

test('little is looked for at once, a rush is gathered, and it is at once again when that is over', () => {
  const pace = createPace({ calmPerSecond: 10, calmMs: 5, rushMs: 150 })
  assert.equal(pace.rest(1, 0), 5)
  for (let nowMs = 200; nowMs <= 5_000; nowMs += 200) assert.equal(pace.rest(1, nowMs), 5, 'five in a second')
  assert.equal(pace.rest(20, 5_100), 150)
  assert.equal(pace.rest(0, 5_300), 150)
  for (let nowMs = 5_450; nowMs < 9_000; nowMs += 150)
    assert.equal(pace.rest(3, nowMs), 150, 'twenty in a second')
  assert.equal(pace.rest(0, 11_500), 5)
  assert.equal(createPace({ calmPerSecond: 1, calmMs: 5, rushMs: 150, enough: 8 }).rest(8, 0), 0)
})
