import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoffMs } from './backoff.ts'

test('a wait doubles with each attempt, up to its limit, and is spread down to nothing', () => {
  const almostOne = 1 - Number.EPSILON
  assert.deepEqual(
    [0, 1, 2, 3].map((attempt) => backoffMs(attempt, almostOne, 100, 500)),
    [99, 199, 399, 499],
  )
  assert.equal(backoffMs(5, 0), 0)
  assert.ok(backoffMs(1_000_000, almostOne) < 30_000)
})
