import assert from 'node:assert/strict'
import { test } from 'node:test'
import { every, systemClock, uuid7, uuid7TimeMs } from './port.ts'

test('a UUID version 7 has its version, its variant and its time', () => {
  const time = Date.UTC(2026, 10, 20, 12, 34, 56, 789)
  const uuid = uuid7(time, new Uint8Array([0xff, 0xff, 0xff, 0xff, 0, 1, 2, 3, 4, 5]))
  assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.equal(uuid7TimeMs(uuid), time)
})

test('each id of the system clock is greater than the one before, and carries the time it was made at', async () => {
  const before = Date.now()
  const ids = Array.from({ length: 20_000 }, () => systemClock.uuid())
  assert.deepEqual(ids.toSorted(), ids)
  assert.equal(new Set(ids).size, ids.length)
  // A millisecond has room for two thousand at least; what is more borrows from the next.
  const aheadMs = ids.length / 2_000
  for (const id of ids) {
    const time = uuid7TimeMs(id)
    assert.ok(time >= before && time <= Date.now() + aheadMs, id)
  }
})

test('a sleep ends early when it is called off', async () => {
  const stop = new AbortController()
  const asleep = systemClock.sleep(60_000, stop.signal)
  stop.abort()
  await assert.rejects(asleep, { name: 'AbortError' })
})

test('what is done every so often waits first, unless it is to begin at once', async () => {
  let early = 0
  let late = 0
  await using _early = every(systemClock, 60_000, async () => early++, { atOnce: true })
  await using _late = every(systemClock, 60_000, async () => late++)
  await systemClock.sleep(1)
  assert.deepEqual([early, late], [1, 0])
})

test('a round that fails is followed by the next', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let rounds = 0
  await using _failing = every(systemClock, 1, async () => {
    if (++rounds === 3) resolve()
    throw new Error('away')
  })
  await promise
})

test('disposing waits for the round under way, tells it to end, and lets no other begin', async () => {
  let ended = 0
  const repeated = every(
    systemClock,
    1,
    async (stop) => {
      await new Promise((resolve) => stop.addEventListener('abort', resolve))
      await systemClock.sleep(20)
      ended++
    },
    { atOnce: true },
  )
  await repeated[Symbol.asyncDispose]()
  assert.equal(ended, 1)
  await systemClock.sleep(20)
  assert.equal(ended, 1)
})
