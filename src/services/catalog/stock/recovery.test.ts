import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Decision } from '#kernel/transaction'
import { createRecovery } from './recovery.ts'

test('what is prepared is left to its coordinator at first, however old its id makes it look', async () => {
  let nowMs = 0
  const prepared = new Map([['slow', 60_000]])
  const ended: string[] = []
  const end = (how: string) => async (id: string) => {
    ended.push(`${how} ${id}`)
    prepared.delete(id)
  }
  const recover = createRecovery({
    participant: {
      inDoubt: async () => [...prepared].map(([id, ageMs]) => ({ id, ageMs })),
      commit: end('commit'),
      abort: end('abort'),
    },
    resolve: async (id): Promise<Decision> => (id === 'slow' ? 'committed' : 'aborted'),
    clock: { monotonicMs: () => nowMs },
    doubtMs: 1_000,
  })
  const lookAt = async (ms: number) => {
    nowMs = ms
    await recover()
    return [...ended]
  }
  assert.deepEqual(await lookAt(0), [])
  assert.deepEqual(await lookAt(999), [])
  prepared.set('young', 0)
  assert.deepEqual(await lookAt(1_000), ['commit slow'])
  // One that was finished and is there again, as after a restored backup, is new.
  prepared.set('slow', 60_000)
  assert.deepEqual(await lookAt(1_999), ['commit slow'])
  assert.deepEqual(await lookAt(2_000), ['commit slow', 'abort young'])
})
