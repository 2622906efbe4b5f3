import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fleetOf } from '../../../../test/support/small-fleet.ts'
import type { SeenCluster } from './model.ts'

test('whoever waits for a cluster to come in is told for what', () => {
  const fleet = fleetOf('a', 'b', 'c', 'd', 'e')
  const [a, b, c] = ['a', 'b', 'c'].map((name) => fleet.seen.get(name)) as [
    SeenCluster,
    SeenCluster,
    SeenCluster,
  ]
  a.registration = 'absent'
  Object.assign(b, { registration: 'waiting', denied: 'its key is rsa' })
  c.isAvailable = undefined
  fleet.member('b', { key: '' })
  fleet.member('d', { approvedBy: ['ada'] })
  fleet.version = '99'
  fleet.run(3)
  assert.deepEqual(fleet.why(), {
    a: 'its agent has not registered on the hub',
    b: 'its certificate was denied: its key is rsa',
    c: 'the hub does not hear of it',
    d: 'is approved by 1 of 2 people',
    e: 'nobody has made 99 known',
  })
})

test('and for what while it joins, is judged, is let go and is revoked', () => {
  const fleet = fleetOf('a', 'b', 'c')
  fleet.never.add('b')
  fleet.run(5)
  assert.deepEqual(fleet.why(), { b: 'its replicas are not ready', c: 'is not needed: 2 are wanted' })
  fleet.never.delete('b')
  fleet.run(5)
  fleet.version = '2'
  fleet.run(5)
  assert.equal(fleet.why().a, '2 is judged')
  fleet.version = '1'
  fleet.run(10)
  fleet.edges = false
  fleet.member('a', { intent: 'drain' })
  fleet.run(10)
  assert.equal(fleet.why().a, 'waits until every edge follows')
  fleet.edges = true
  fleet.run(10)
  assert.equal(fleet.why().a, 'is drained')
  fleet.member('a', { intent: 'revoke' })
  fleet.run(2)
  fleet.member('a', { intent: 'serve' })
  fleet.run(2)
  assert.match(fleet.why().a ?? '', /^waits until the hub says|^was revoked: it comes back with another key/)
})
