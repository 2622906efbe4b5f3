import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowsingLimit } from './browsing-limit.ts'

function limitAt() {
  let nowMs = 0
  const limit = createBrowsingLimit(() => nowMs)
  return {
    limit,
    /** Lets something happen again and again, a tenth of a second apart. */
    again(times: number, what: () => void) {
      for (let i = 0; i < times; i++) {
        nowMs += 100
        what()
      }
    },
  }
}

test('reads give way while orders beside them take far longer than usual, and come back slowly', () => {
  const { limit, again } = limitAt()
  const start = limit.atOnce
  again(50, () => limit.orderTook(10))
  assert.equal(limit.atOnce, start)
  again(10, () => limit.orderTook(120))
  assert.equal(limit.atOnce, 2)
  again(20, () => {
    limit.orderTook(10)
    limit.readTook(20, true)
  })
  assert.ok(limit.atOnce > 4 && limit.atOnce < 14, String(limit.atOnce))
})

test('one slow order among many changes nothing', () => {
  const { limit, again } = limitAt()
  const start = limit.atOnce
  for (let i = 0; i < 20; i++) {
    again(1, () => limit.orderTook(60))
    again(20, () => limit.orderTook(10))
  }
  assert.equal(limit.atOnce, start)
})

test('slow reads make fewer of them at once; more are let in only where others wait', () => {
  const { limit, again } = limitAt()
  const start = limit.atOnce
  again(50, () => limit.readTook(20, false))
  assert.equal(limit.atOnce, start)
  again(50, () => limit.readTook(20, true))
  assert.ok(limit.atOnce > start)
  again(50, () => limit.readTook(900, true))
  assert.equal(limit.atOnce, 2)
})
