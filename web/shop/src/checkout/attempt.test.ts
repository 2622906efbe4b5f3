import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NewOrder } from '#services/gateway'
import { type AttemptStore, beginAttempt, endAttempt, openAttempt, refuseAttempt } from './attempt.ts'

const noon = Date.parse('2026-11-20T12:00:00Z')

test('a double click and a reload send the same key', () => {
  const { store, newKey } = fresh()
  const first = beginAttempt(store, order(1), newKey, noon)
  assert.equal(beginAttempt(store, order(1), newKey, noon + 5).key, first.key)
  assert.equal(openAttempt(store, noon + 60_000)?.key, first.key)
})

test('another order gets another key', () => {
  const { store, newKey } = fresh()
  const first = beginAttempt(store, order(1), newKey, noon)
  assert.notEqual(beginAttempt(store, order(2), newKey, noon).key, first.key)
})

test('the same order once more, after the first exists, gets another key', () => {
  const { store, newKey } = fresh()
  const first = beginAttempt(store, order(1), newKey, noon)
  endAttempt(store, first)
  assert.equal(openAttempt(store, noon), undefined)
  assert.notEqual(beginAttempt(store, order(1), newKey, noon).key, first.key)
})

test('a refused attempt is not open, and its key serves when the same order is tried again', () => {
  const { store, newKey } = fresh()
  const first = beginAttempt(store, order(1), newKey, noon)
  refuseAttempt(store, first)
  assert.equal(openAttempt(store, noon), undefined)
  const again = beginAttempt(store, order(1), newKey, noon)
  assert.equal(again.key, first.key)
  assert.equal(again.outcome, 'unknown')
})

test('an attempt is forgotten after a day', () => {
  const { store, newKey } = fresh()
  const first = beginAttempt(store, order(1), newKey, noon)
  const nextDay = noon + 25 * 60 * 60_000
  assert.equal(openAttempt(store, nextDay), undefined)
  assert.notEqual(beginAttempt(store, order(1), newKey, nextDay).key, first.key)
})

test('a late answer to an attempt leaves the one that took its place', () => {
  for (const answer of [endAttempt, refuseAttempt]) {
    const { store, newKey } = fresh()
    const first = beginAttempt(store, order(1), newKey, noon)
    const second = beginAttempt(store, order(2), newKey, noon)
    answer(store, first)
    assert.deepEqual(openAttempt(store, noon), second)
  }
})

test('what is not an attempt is none', () => {
  for (const text of [
    '',
    'no',
    'null',
    '{}',
    '{"key":1}',
    '{"key":"k","startedAt":"x","outcome":"unknown"}',
  ]) {
    const store: AttemptStore = { read: () => text, write: () => undefined }
    assert.equal(openAttempt(store, noon), undefined, text)
  }
})

function fresh(): { store: AttemptStore; newKey: () => string } {
  let kept: string | null = null
  let keys = 0
  return {
    store: {
      read: () => kept,
      write: (value) => {
        kept = value
      },
    },
    newKey: () => `key-${++keys}`,
  }
}

const order = (quantity: number): NewOrder => ({
  customer: { name: 'Ada Byron', email: 'ada@example.org' },
  lines: [{ isbn: '9780141439518', quantity }],
})
