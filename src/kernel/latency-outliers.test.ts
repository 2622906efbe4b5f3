import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Latency, noLatency, outliers, withSample } from './latency-outliers.ts'

const of = (...averages: number[]): Latency[] => averages.map((averageMs) => ({ averageMs, samples: 50 }))

test('an instance far slower than its peers stands out, and slightly slower ones do not', () => {
  assert.deepEqual(outliers(of(10, 12, 900), 0), [2])
  assert.deepEqual(outliers(of(10, 500), 0), [1])
  assert.deepEqual(outliers(of(10, 12, 90), 0), [])
  assert.deepEqual(outliers(of(300, 320, 800), 0), [])
})

test('all of them slow is nobody out of line, and at most half are put out', () => {
  assert.deepEqual(outliers(of(900, 900, 950), 0), [])
  assert.deepEqual(outliers(of(10, 10, 10, 900, 950), 0), [4, 3])
  assert.deepEqual(outliers(of(10, 900), 1), [])
  assert.deepEqual(outliers(of(10, 10, 900), 1), [2])
  assert.deepEqual(outliers(of(900), 0), [])
})

test('a few answers say nothing', () => {
  const slow = { averageMs: 900, samples: 3 }
  assert.deepEqual(outliers([...of(10, 10), slow], 0), [])
})

test('the average follows the newest answers', () => {
  let latency = noLatency
  for (let i = 0; i < 50; i++) latency = withSample(latency, 10)
  for (let i = 0; i < 30; i++) latency = withSample(latency, 500)
  assert.ok(latency.averageMs > 400 && latency.averageMs < 500)
  assert.equal(withSample(noLatency, 7).averageMs, 7)
})

test('one answer that took very long puts nobody out, many do', () => {
  let latency = noLatency
  for (let i = 0; i < 50; i++) latency = withSample(latency, 10)
  const peer = latency
  latency = withSample(latency, 5_000)
  assert.deepEqual(outliers([latency, peer], 0), [])
  for (let i = 0; i < 12; i++) latency = withSample(latency, 5_000)
  assert.deepEqual(outliers([latency, peer], 0), [0])
})
