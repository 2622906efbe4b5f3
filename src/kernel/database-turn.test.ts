import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFurther, mayFollow } from './database-turn.ts'

test('a server goes back to no earlier turn, turns for none that has begun, and takes one primary in each', () => {
  const asPrimary = { epoch: 3, state: 'primary', primary: 'a' } as const
  assert.ok(mayFollow(undefined, asPrimary))
  assert.ok(mayFollow(asPrimary, asPrimary))
  assert.ok(mayFollow(asPrimary, { epoch: 4, state: 'turned', primary: '' }))
  assert.ok(mayFollow({ epoch: 3, state: 'turned', primary: '' }, asPrimary))
  assert.ok(!mayFollow(asPrimary, { epoch: 2, state: 'primary', primary: 'a' }))
  assert.ok(!mayFollow(asPrimary, { epoch: 3, state: 'turned', primary: '' }))
  assert.ok(!mayFollow(asPrimary, { epoch: 3, state: 'replica', primary: 'b' }))
})

test('logs are compared by the last turn that they know, and then by their length as the number it is', () => {
  assert.ok(isFurther({ epoch: 2, lsn: '9' }, { epoch: 1, lsn: '100' }))
  assert.ok(isFurther({ epoch: 2, lsn: '100' }, { epoch: 2, lsn: '99' }))
  assert.ok(!isFurther({ epoch: 2, lsn: '100' }, { epoch: 2, lsn: '100' }))
})
