import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fleetOf } from '../../../../test/support/small-fleet.ts'
import type { SeenCluster } from './model.ts'

test('what a cluster could take that is drained or lost does not count as room', () => {
  const fleet = fleetOf('a', 'b', 'c', 'd')
  fleet.member('a', { capacity: 1_000, intent: 'drain' })
  for (const name of ['b', 'c', 'd']) fleet.member(name, { capacity: 100 })
  fleet.run(10)
  assert.deepEqual(serving(fleet), ['b', 'c'])
  fleet.demand = 150
  fleet.run(10)
  assert.deepEqual(serving(fleet), ['b', 'c', 'd'])
})

test('one that somebody has accepted by hand, and too few people have approved, takes no other’s place', () => {
  const fleet = fleetOf('a', 'b', 'c')
  fleet.member('a', { approvedBy: ['ada'] })
  fleet.run(10)
  assert.deepEqual(serving(fleet), ['b', 'c'])
  const a = fleet.seen.get('a') as SeenCluster
  assert.equal(a.works, 0)
})

const serving = (fleet: ReturnType<typeof fleetOf>) =>
  fleet.phases().flatMap((each) => (each.endsWith(' serving') ? [each.split(' ')[0]] : []))
