import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arrivals, dropReaders, dropSeconds } from './load-arrivals.ts'

const half = () => 0.5

test('a drop has the readers, the length and the peak that were seen', () => {
  const times = arrivals(dropReaders, dropSeconds, half)
  assert.equal(times.length, 967)
  assert.ok((times.at(-1) ?? 0) < 17_000)
  const perSecond = Map.groupBy(times, (ms) => Math.floor(ms / 1000))
  assert.equal(Math.max(...[...perSecond.values()].map((each) => each.length)), 134)
})

test('it can be scaled in readers and in time and keeps its shape', () => {
  const times = arrivals(200, 3, Math.random)
  assert.equal(times.length, 200)
  assert.ok(times.every((ms, i) => ms < 3000 && ms >= (times[i - 1] ?? 0)))
  const inFirstHalf = times.filter((ms) => ms < 1500).length
  assert.ok(inFirstHalf > 140, `${inFirstHalf} of 200 come in the first half`)
})
