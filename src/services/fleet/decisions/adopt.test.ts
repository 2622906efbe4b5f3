import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fleetOf } from '../../../../test/support/small-fleet.ts'
import type { SeenCluster } from './model.ts'

test('a hub that has lost everything takes its clusters as they sell, and none loses a reader', () => {
  const fleet = fleetOf('a', 'b', 'c')
  fleet.run(30)
  fleet.forget()
  for (const each of fleet.seen.values()) each.registration = 'absent'
  for (let second = 0; second < 30; second++) {
    fleet.run(1)
    assert.deepEqual(
      weightsOf(fleet),
      [
        ['a', 100],
        ['b', 100],
      ],
      `${second} s`,
    )
  }
  for (const each of fleet.seen.values()) each.registration = 'accepted'
  fleet.run(120)
  assert.deepEqual(fleet.phases(), ['a serving', 'b serving', 'c out'])
  assert.equal(fleet.said(/^[ab]: (joining|out|draining)$/), 0)
})

test('it says nothing to edges that it cannot hear', () => {
  const fleet = fleetOf('a', 'b')
  fleet.run(30)
  fleet.forget()
  fleet.isDeaf = true
  for (const each of fleet.seen.values()) each.registration = 'accepted'
  assert.deepEqual(fleet.run(20), [])
  assert.deepEqual(fleet.phases(), ['a out', 'b out'])
  fleet.isDeaf = false
  fleet.run(5)
  assert.deepEqual(fleet.phases(), ['a serving', 'b serving'])
})

test('a fleet that is made again with an earlier version goes there as to any other, cluster by cluster', () => {
  const fleet = fleetOf('a', 'b')
  fleet.version = '2'
  fleet.run(30)
  fleet.forget()
  fleet.version = '1'
  fleet.run(3)
  const { rollout, clusters } = fleet.memory()
  assert.deepEqual(
    [rollout?.cluster, rollout?.from, clusters.b?.version, clusters.b?.weight],
    ['a', '2', '2', 100],
  )
})

test('one that serves and that the hub does not know any more keeps its readers', () => {
  const fleet = fleetOf('a', 'b', 'c')
  fleet.run(30)
  const a = fleet.seen.get('a') as SeenCluster
  a.registration = 'waiting'
  fleet.run(60)
  assert.equal(fleet.memory().clusters.a?.phase, 'serving')
})

const weightsOf = (fleet: ReturnType<typeof fleetOf>) =>
  Object.entries(fleet.memory().clusters)
    .filter(([, { phase }]) => phase === 'serving')
    .map(([name, { weight }]) => [name, weight])
