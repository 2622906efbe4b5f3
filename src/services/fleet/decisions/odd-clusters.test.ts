import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fleetOf, usual } from '../../../../test/support/small-fleet.ts'
import type { ClusterSpec, SeenCluster } from './model.ts'

const daySeconds = 24 * 3_600
test('a cluster that does not become ready is replaced, holds up no version, and is taken when it is ready', () => {
  const fleet = fleetOf('a', 'b', 'c')
  fleet.never.add('b')
  fleet.run(60)
  assert.deepEqual(fleet.phases(), ['a serving', 'b joining', 'c out'])
  fleet.run(60)
  assert.deepEqual(fleet.phases(), ['a serving', 'b joining', 'c serving'])
  assert.equal(fleet.said(/^b: not ready after 60 s$/), 1)
  fleet.version = '2'
  fleet.run(700)
  assert.equal(fleet.memory().goodVersion, '2')
  fleet.never.delete('b')
  fleet.run(700)
  assert.deepEqual([fleet.memory().clusters.b?.phase, fleet.memory().clusters.b?.version], ['serving', '2'])
})

test('one that is drained before it was ready is let go at once', () => {
  const fleet = fleetOf('a', 'b')
  fleet.never.add('b')
  fleet.run(10)
  fleet.specs.set('b', { ...(fleet.specs.get('b') as ClusterSpec & { key: string }), intent: 'drain' })
  fleet.run(2)
  assert.deepEqual(fleet.phases(), ['a serving', 'b out'])
})

test('a cluster that is lost again and again moves its replacement once', () => {
  const fleet = fleetOf('a', 'b', 'c')
  fleet.run(30)
  for (let i = 0; i < 6; i++) {
    fleet.down.add('b')
    fleet.run(45)
    fleet.down.delete('b')
    fleet.run(30)
  }
  assert.equal(fleet.said(/^c: joining$/), 1)
  assert.equal(fleet.memory().clusters.c?.phase, 'serving')
  fleet.run(120)
  assert.deepEqual(fleet.phases(), ['a serving', 'b serving', 'c out'])
})

test('what is taken out of the fleet has no place in it, also when the hub does not know it any more', () => {
  const fleet = fleetOf('a', 'b', 'c')
  fleet.never.add('b')
  fleet.run(10)
  fleet.specs.delete('b')
  fleet.seen.delete('b')
  fleet.run(30)
  assert.deepEqual(fleet.phases(), ['a serving', 'b revoked', 'c serving'])
})

test('one that is taken out of the list is drained before it gets nothing', () => {
  const fleet = fleetOf('a', 'b', 'c')
  fleet.run(10)
  fleet.busy.add('a')
  fleet.specs.delete('a')
  fleet.run(5)
  assert.deepEqual(fleet.phases(), ['a draining', 'b serving', 'c serving'])
  assert.deepEqual(fleet.pictured(), ['a 0', 'b 100', 'c 100'])
  fleet.busy.delete('a')
  const done = [...fleet.run(1), ...fleet.run(1)].map(({ kind }) => kind)
  assert.deepEqual(done.slice(0, 3), ['taint', 'reap', 'refuse'], done.join())
  const a = fleet.seen.get('a') as SeenCluster
  a.registration = 'waiting'
  fleet.run(2)
  assert.deepEqual(fleet.phases(), ['a revoked', 'b serving', 'c serving'])
})

test('a list that is emptied by mistake takes the last cluster from nobody', () => {
  const fleet = fleetOf('a', 'b')
  fleet.run(10)
  const before = [...fleet.specs]
  fleet.specs.clear()
  fleet.run(100)
  const serving = fleet.pictured().filter((each) => each.endsWith(' 100'))
  assert.equal(serving.length, 1)
  for (const [name, spec] of before) fleet.specs.set(name, spec)
  fleet.run(10)
  assert.ok(fleet.pictured().includes(serving[0] ?? ''))
})

test('what was revoked comes back with another key, a day later, when its old certificate has run out', () => {
  const fleet = fleetOf('a', 'b', 'c')
  fleet.run(30)
  fleet.specs.set('b', { ...usual, name: 'b', key: 'key of b', intent: 'revoke' })
  const b = fleet.seen.get('b') as SeenCluster
  fleet.run(5)
  b.registration = 'waiting'
  fleet.run(5)
  assert.equal(fleet.memory().clusters.b?.phase, 'revoked')
  fleet.specs.set('b', { ...usual, name: 'b', key: 'another key' })
  assert.ok(!fleet.run(60).some(({ kind }) => kind === 'accept'))
  assert.equal(fleet.said(/^b: comes back at .*Z, when its old certificate has run out$/), 1)
  fleet.now += daySeconds * 1_000
  assert.deepEqual(
    fleet.run(1).filter(({ kind }) => kind === 'accept'),
    [{ kind: 'accept', cluster: 'b' }],
  )
})

test('a soak begins again when edges count anew, and nobody judges by a part of them', () => {
  const fleet = fleetOf('a', 'b')
  fleet.orders.set('a', { taken: 5_000, failed: 40, slow: 0 })
  fleet.run(30)
  fleet.version = '2'
  fleet.run(5)
  assert.equal(fleet.memory().rollout?.step, 'soaking')
  fleet.orders.set('a', { taken: 4_000, failed: 30, slow: 0 })
  fleet.edges = false
  fleet.run(400)
  assert.equal(fleet.memory().rollout?.cluster, 'a', 'not judged while an edge is silent')
  fleet.edges = true
  fleet.orders.set('a', { taken: 10, failed: 0, slow: 0 })
  fleet.run(2)
  assert.equal(fleet.said(/^a: edges count anew, and its soak begins anew$/), 1)
  fleet.orders.set('a', { taken: 30, failed: 20, slow: 0 })
  fleet.run(2)
  assert.match(fleet.memory().bad['2'] ?? '', /^20 of 40 orders failed$/)
})

test('nothing waits until a clock has come as far as the one that it was remembered by', () => {
  const fleet = fleetOf('a', 'b')
  fleet.now = 600_000
  fleet.run(30)
  fleet.never.add('a')
  fleet.version = '2'
  fleet.run(5)
  assert.equal(fleet.memory().rollout?.step, 'placing')
  fleet.now -= 600_000
  fleet.never.delete('a')
  fleet.down.add('a')
  fleet.run(70)
  assert.equal(fleet.memory().bad['2'], 'it was not ready within 60 s')
})

test('whoever waits for a roll-out or a drain is told for what', () => {
  const fleet = fleetOf('a', 'b')
  fleet.run(10)
  fleet.down.add('b')
  fleet.version = '2'
  fleet.run(10)
  assert.equal(fleet.memory().blocked, 'edges do not find b up')
  fleet.specs.set('a', { ...usual, name: 'a', key: 'key of a', intent: 'drain' })
  fleet.run(10)
  assert.equal(fleet.said(/^a: is let go when another cluster serves in its place$/), 1)
  fleet.down.delete('b')
  fleet.run(10)
  assert.deepEqual([fleet.memory().blocked, fleet.memory().clusters.a?.phase], [undefined, 'out'])
})

test('a version that was rolled back is tried again when somebody says so, for that failure alone', () => {
  const fleet = fleetOf('a', 'b')
  fleet.run(10)
  const rollout = fleet.rollout
  const fail = () => {
    fleet.never.add('a')
    fleet.run(70)
    fleet.never.delete('a')
    fleet.run(10)
  }
  fleet.version = '2'
  fail()
  assert.equal(fleet.memory().blocked, 'it was rolled back: it was not ready within 60 s')
  const again = fleet.memory().badAt?.['2'] ?? -1
  fleet.also = { rollout: { ...rollout, again: again - 1 } }
  fleet.run(10)
  assert.equal(fleet.memory().rollout, undefined)
  fleet.also = { rollout: { ...rollout, again } }
  fleet.run(2)
  assert.equal(fleet.memory().rollout?.version, '2')
  fail()
  fleet.run(100)
  assert.match(fleet.memory().blocked ?? '', /^it was rolled back/)
  assert.equal(fleet.said(/^2 is tried again$/), 1)
})

test('another address is news to edges', () => {
  const fleet = fleetOf('a', 'b')
  fleet.run(10)
  const { revision } = fleet.memory()
  fleet.member('a', { url: 'http://another' })
  fleet.run(2)
  assert.equal(fleet.memory().revision, revision + 1)
  assert.equal(fleet.said(/^a: is at http:..another now$/), 1)
})

test('works follow the turn of the databases, those of them that tell their cluster of one', () => {
  const fleet = fleetOf('a', 'b')
  fleet.run(60)
  assert.deepEqual(fleet.run(1), [])
  fleet.epochs.set('a', 1)
  fleet.heard = { revision: 0, epoch: 4 }
  assert.deepEqual(
    fleet.run(1).filter(({ kind }) => kind === 'apply'),
    [{ kind: 'apply', cluster: 'a', version: '1', epoch: 4 }],
  )
  fleet.epochs.set('a', 4)
  assert.deepEqual(
    fleet.run(1).filter(({ kind }) => kind === 'apply'),
    [],
  )
})
