import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { createMisses, wordsToCount } from './note-misses.ts'

test('words are counted alike however they are typed, and nothing that may be somebody’s is', () => {
  assert.equal(wordsToCount('  Éric  CARLE! '), wordsToCount('eric carle'))
  assert.equal(wordsToCount('9780141439518'), '9780141439518')
  for (const typed of ['ada@example.org', '0171 2345678', 'x'.repeat(81), ' ', '4242 4242 4242 4242'])
    assert.equal(wordsToCount(typed), undefined, typed)
})

test('what was counted is written at the end, once', async () => {
  const written: [string, number][] = []
  const store = {
    add: async (_day: string, times: ReadonlyMap<string, number>) => void written.push(...times),
    forget: async () => undefined,
  }
  const misses = createMisses(store, systemClock)
  for (const typed of ['Moby', 'moby', 'dick']) misses.note(typed)
  await misses[Symbol.asyncDispose]()
  assert.deepEqual(written, [
    ['moby', 2],
    ['dick', 1],
  ])
})
