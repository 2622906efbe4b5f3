import assert from 'node:assert/strict'
import { test } from 'node:test'
import { together } from './together.ts'

test('what is asked for in one turn goes in one call, and each asker gets its own answer', async () => {
  const calls: (readonly number[])[] = []
  const double = together(async (items: readonly number[]) => {
    calls.push(items)
    return items.map((item) => item * 2)
  }, 100)
  assert.deepEqual(await Promise.all([double(1), double(2), double(3)]), [2, 4, 6])
  assert.equal(await double(4), 8)
  assert.deepEqual(calls, [[1, 2, 3], [4]])
})

test('more than one call holds becomes several, and a failure is told to those it concerns', async () => {
  const work = together(async (items: readonly number[]) => {
    if (items.includes(3)) throw new Error('three')
    return items
  }, 2)
  const outcomes = await Promise.allSettled([work(1), work(2), work(3), work(4), work(5)])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'rejected', 'fulfilled'],
  )
})

test('a slow call holds up no other', async () => {
  let release: () => void = () => undefined
  const work = together(async (items: readonly string[]) => {
    if (items.includes('slow'))
      await new Promise<void>((resolve) => {
        release = resolve
      })
    return items
  }, 10)
  const slow = work('slow')
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(await work('fast'), 'fast')
  release()
  assert.equal(await slow, 'slow')
})
