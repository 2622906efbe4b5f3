import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { createMisses, wordsToCount } from './note-misses.ts'
import { phrasesOf } from './phrases-of-person.ts'

test('words are counted alike however they are typed, and nothing that may be somebody’s is', () => {
  assert.equal(wordsToCount('  Éric  CARLE! '), wordsToCount('eric carle'))
  assert.equal(wordsToCount('9780141439518'), '9780141439518')
  assert.equal(wordsToCount('ISBN 978-0-14-143951-8'), 'isbn 978 0 14 143951 8')
  for (const typed of ['ada@example.org', '0171 2345678', 'x'.repeat(81), ' ', '4242 4242 4242 4242'])
    assert.equal(wordsToCount(typed), undefined, typed)
  // As long as an ISBN, and none; and addresses that a plain look does not see.
  for (const typed of [
    '0171 234567',
    '0049 171 234567',
    '٠١٧١٢٣٤٥٦٧',
    'ada＠example.org',
    'ada (at) example.org',
  ])
    assert.equal(wordsToCount(typed), undefined, typed)
})

test('what was counted is written at the end, once', async () => {
  const written: [string, number][] = []
  const store = {
    add: async (_day: string, times: ReadonlyMap<string, number>) => void written.push(...times),
    forget: async () => undefined,
    erase: async () => undefined,
    count: async () => 0,
  }
  const misses = createMisses(store, systemClock, 90)
  for (const typed of ['Moby', 'moby', 'dick']) misses.note(typed)
  await misses[Symbol.asyncDispose]()
  assert.deepEqual(written, [
    ['moby', 2],
    ['dick', 1],
  ])
})

test('what a person is known by is forgotten where it is noted, where it waits to be, and where others write it later', async () => {
  let kept = ['ada byron', 'byronic heroes', 'moby dick']
  const isOf = (words: string, phrases: readonly string[]) =>
    phrases.some((phrase) => ` ${words} `.includes(` ${phrase} `))
  const store = {
    add: async (_day: string, times: ReadonlyMap<string, number>) => void kept.push(...times.keys()),
    forget: async () => undefined,
    erase: async (phrases: readonly string[]) => {
      kept = kept.filter((words) => !isOf(words, phrases))
    },
    count: async (phrases: readonly string[]) => kept.filter((words) => isOf(words, phrases)).length,
  }
  const misses = createMisses(store, systemClock, 90)
  for (const typed of ['Ada’s letters', 'white whale']) misses.note(typed)
  const left = await misses.forget(phrasesOf({ names: ['Ada von Byron'], emails: ['countess@example.org'] }))
  assert.equal(left, 0)
  assert.deepEqual(kept, ['byronic heroes', 'moby dick'])
  kept.push('countess', 'von')
  await misses[Symbol.asyncDispose]()
  assert.deepEqual(kept, ['byronic heroes', 'moby dick', 'von', 'white whale'])
})

test('what was looked for is forgotten in time also where nothing new is noted, and with 0 days nothing is', async () => {
  const forgotten: string[] = []
  const added: string[] = []
  const store = {
    add: async (_day: string, times: ReadonlyMap<string, number>) => void added.push(...times.keys()),
    forget: async (before: string) => void forgotten.push(before),
    erase: async () => undefined,
    count: async () => 0,
  }
  const clock = { ...systemClock, now: () => Date.UTC(2026, 10, 30, 12) }
  for (const days of [90, 0]) {
    const misses = createMisses(store, clock, days)
    if (days === 0) misses.note('moby')
    await misses[Symbol.asyncDispose]()
  }
  assert.deepEqual(forgotten, ['2026-09-01', '2026-12-01'])
  assert.deepEqual(added, [])
})
