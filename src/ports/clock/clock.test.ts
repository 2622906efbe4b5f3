import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock, uuid7, uuid7TimeMs } from './port.ts'

test('a UUID version 7 has its version, its variant and its time', () => {
  const time = Date.UTC(2026, 10, 20, 12, 34, 56, 789)
  const uuid = uuid7(time, new Uint8Array([0xff, 0xff, 0xff, 0xff, 0, 1, 2, 3, 4, 5]))
  assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.equal(uuid7TimeMs(uuid), time)
})

test('ids of the system clock differ, and sort by the millisecond they were made in', async () => {
  const first = Array.from({ length: 3_000 }, () => systemClock.uuid())
  await systemClock.sleep(3)
  const later = systemClock.uuid()
  assert.equal(new Set(first).size, first.length)
  assert.ok(first.every((uuid) => uuid < later))
})

test('a sleep ends early when it is called off', async () => {
  const stop = new AbortController()
  const asleep = systemClock.sleep(60_000, stop.signal)
  stop.abort()
  await assert.rejects(asleep, { name: 'AbortError' })
})
