import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leaseMs, renewEveryMs } from './contract.ts'
import { createLeases } from './leases.ts'

const catalog = { service: 'catalog', id: 'c1', url: 'http://127.0.0.1:1', version: '1' }

test('an instance that stops renewing vanishes when its lease ends', () => {
  const leases = createLeases('start', 0, () => {})
  leases.renew(catalog, 0)
  for (let now = 500; now < leaseMs; now += 500) leases.expire(now)
  assert.deepEqual(leases.list(), [catalog])
  leases.expire(leaseMs)
  assert.deepEqual(leases.list(), [])
})

test('renewing changes nothing that a listener would want to know', () => {
  let changes = 0
  const leases = createLeases('start', 0, () => changes++)
  leases.renew(catalog, 0)
  const { revision } = leases
  leases.renew(catalog, renewEveryMs)
  assert.equal(leases.revision, revision)
  leases.renew({ ...catalog, url: 'http://127.0.0.1:2' }, renewEveryMs)
  assert.notEqual(leases.revision, revision)
  assert.equal(changes, 2)
})

test('a registry that slept does not take the heartbeats it missed for deaths', () => {
  const leases = createLeases('start', 0, () => {})
  leases.renew(catalog, 0)
  leases.expire(500)
  leases.expire(60_000)
  assert.deepEqual(leases.list(), [catalog])
  leases.expire(60_000 + leaseMs - 500)
  assert.equal(leases.list().length, 1, 'that was a sleep too')
  for (let now = 1; now <= 20; now++) leases.expire(70_000 + now * 500)
  assert.deepEqual(leases.list(), [])
})

test('the revision moves on once the list is complete, so that waiting callers hear of it', () => {
  const leases = createLeases('start', 0, () => {})
  const { revision } = leases
  for (let now = 500; now < leaseMs; now += 500) leases.expire(now)
  assert.equal(leases.revision, revision)
  leases.expire(leaseMs)
  assert.notEqual(leases.revision, revision)
})
