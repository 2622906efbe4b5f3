import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { until } from '../../../test/support/until.ts'
import { electing } from './leading.ts'

test('who is not answered in time has lost the lease, and does not wait for the answer', async () => {
  let answers: Promise<unknown> = Promise.resolve()
  const election = {
    take: async () => {
      await answers
      return { isHeld: true, atMs: systemClock.monotonicMs() }
    },
    giveBack: async () => {},
  }
  const durations = { leaseMs: 300, renewMs: 200, retryMs: 40 }
  await using leases = electing(() => election, { holder: 'one', clock: systemClock, durations })
  let [begun, ended] = [0, 0]
  leases.lead('work', async (lost) => {
    begun++
    await new Promise((resolve) => lost.addEventListener('abort', resolve, { once: true }))
    ended++
  })
  await until(() => begun === 1)
  const later = Promise.withResolvers<void>()
  answers = later.promise
  await until(() => ended === 1)
  assert.equal(begun, 1)
  answers = Promise.resolve()
  later.resolve()
  await until(() => begun === 2)
})
