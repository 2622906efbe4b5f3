import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { answerMembers, type Reply } from './answer-members.ts'

/** Members of whom it is known how many are answered. */
function members(count: number) {
  const state = { answered: 0 }
  const replies = Array.from({ length: count }, (_, i): Reply => {
    const outcome = { kind: 'settled', orderId: String(i), already: false } as const
    const resolve = () => {
      state.answered++
    }
    return { outcome, member: { giveUpAt: 0, wish: {} as never, resolve, reject: assert.fail } }
  })
  return { state, replies }
}

test('when nobody waits, all are answered at once', () => {
  const { state, replies } = members(100)
  answerMembers(replies, { nextTurn: setImmediate, othersWait: () => false })
  assert.equal(state.answered, 100)
})

test('while others wait, their group leaves first, and the loop turns between a few answers and the next', async () => {
  const { state, replies } = members(100)
  const seen: number[] = []
  const done = answerMembers(replies, {
    nextTurn: async () => {
      seen.push(state.answered)
      await setImmediate()
    },
    othersWait: () => true,
  })
  // The batcher's next group leaves after one turn.
  await setImmediate()
  assert.equal(state.answered, 0)
  await done
  assert.equal(state.answered, 100)
  assert.deepEqual(seen, [0, 0, 16, 32, 48, 64, 80, 96])
})
