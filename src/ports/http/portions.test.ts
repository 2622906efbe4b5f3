import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { inPortions } from './portions.ts'

test('a thousand pieces of work that come at once are done in order, and few in one turn of the event loop', async () => {
  const done: number[] = []
  const work = inPortions((i: number) => {
    const untilMs = performance.now() + 1
    while (performance.now() < untilMs);
    done.push(i)
  })
  for (let i = 0; i < 100; i++) work(i)
  let [turns, most] = [0, 0]
  while (done.length < 100) {
    const before = done.length
    await setImmediate()
    most = Math.max(most, done.length - before)
    turns++
  }
  assert.ok(most <= 8 && turns >= 12, `${most} in one of ${turns} turns`)
  assert.deepEqual(
    done,
    [...done].sort((a, b) => a - b),
  )
})
