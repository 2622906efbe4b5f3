import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fleetOf } from '../../../../test/support/small-fleet.ts'

test('a drain that is called off is, and the cluster keeps its work', () => {
  const fleet = fleetOf('a', 'b')
  fleet.run(10)
  fleet.busy.add('a')
  fleet.member('a', { intent: 'drain' })
  fleet.run(3)
  assert.deepEqual(fleet.phases(), ['a draining', 'b serving'])
  fleet.member('a', { intent: 'serve' })
  fleet.run(2)
  assert.deepEqual(fleet.phases(), ['a serving', 'b serving'])
  assert.equal(fleet.memory().clusters.a?.weight, 100)
  assert.equal(fleet.said(/^a: out$/), 0)
})

test('a cluster that is being drained sells on when all others are lost, and is drained when one is back', () => {
  const fleet = fleetOf('a', 'b')
  fleet.run(10)
  fleet.busy.add('a')
  fleet.member('a', { intent: 'drain' })
  fleet.run(3)
  fleet.down.add('b')
  fleet.run(3)
  assert.deepEqual([fleet.memory().clusters.a?.phase, fleet.memory().clusters.a?.weight], ['serving', 100])
  fleet.busy.delete('a')
  fleet.down.delete('b')
  fleet.run(70)
  assert.deepEqual(fleet.phases(), ['a out', 'b serving'])
})

test('a drain waits for the judgement of a new version rather than send everybody to it', () => {
  const fleet = fleetOf('a', 'b')
  fleet.run(10)
  fleet.version = '2'
  fleet.run(5)
  assert.equal(fleet.memory().rollout?.cluster, 'a')
  fleet.member('b', { intent: 'drain' })
  fleet.run(30)
  assert.equal(fleet.memory().clusters.b?.phase, 'serving')
  fleet.orders.set('a', { taken: 200, failed: 0, slow: 0 })
  fleet.run(60)
  assert.deepEqual(fleet.phases(), ['a serving', 'b out'])
})
