import assert from 'node:assert/strict'
import { test } from 'node:test'
import { move, twoClusters, versionOf } from '../../../../test/support/two-clusters.ts'
import { decide } from './decide.ts'
import type { FleetSpec, Seen } from './model.ts'

test('what changes something goes to the home alone, and nowhere while the next one is promoted', () => {
  const fleet = twoClusters()
  const writers = () =>
    fleet.picture().clusters.flatMap(({ name, takesWrites }) => (takesWrites ? [name] : []))
  assert.deepEqual(writers(), ['north'])
  const { revision } = fleet.picture()
  fleet.databases = { ...fleet.databases, home: 'south' }
  fleet.run(2)
  assert.equal(fleet.memory().topology?.step, 'demoting')
  assert.deepEqual(writers(), ['north'], 'until it ends what it takes is in its token')
  Object.assign(fleet.copies.north, { primary: 'south', demotionToken: 'T' })
  fleet.run(2)
  assert.equal(fleet.memory().topology?.step, 'promoting')
  assert.deepEqual(writers(), [])
  move(fleet)
  assert.deepEqual(writers(), ['south'])
  assert.ok(fleet.picture().revision > revision)
  assert.equal(fleet.picture().epoch, 2)
  assert.deepEqual([fleet.at('north').work?.epoch, fleet.at('south').work?.epoch], [2, 2])
})

test('a home that is drained keeps its readers and its work until the databases have moved, and its copies after it', () => {
  const fleet = twoClusters()
  Object.assign(fleet.specs[0] ?? {}, { intent: 'drain' })
  fleet.run(10)
  assert.equal(fleet.memory().clusters.north?.phase, 'serving')
  move(fleet)
  fleet.run(10)
  assert.equal(fleet.memory().clusters.north?.phase, 'out')
  assert.equal(fleet.at('north').work, undefined)
  assert.ok(fleet.at('north').databases, 'its copies follow')
  assert.ok(!fleet.run(1).includes('reap'))
})

test('a home that is revoked has no readers at once, and a minute to end its primaries', () => {
  const fleet = twoClusters()
  Object.assign(fleet.specs[0] ?? {}, { intent: 'revoke' })
  fleet.run(10)
  assert.equal(
    fleet.picture().clusters.some(({ name }) => name === 'north'),
    false,
  )
  assert.equal(fleet.at('north').registration, 'accepted')
  move(fleet)
  fleet.run(3)
  assert.equal(fleet.at('north').registration, 'waiting')
  assert.equal(fleet.at('north').works, 0)
})

test('so has one that they were on their way to, and that is not well at once', () => {
  const fleet = twoClusters()
  fleet.databases = { ...fleet.databases, home: 'south' }
  fleet.run(2)
  move(fleet)
  fleet.copies.south.ready = 0
  fleet.run(1)
  Object.assign(fleet.specs[1] ?? {}, { intent: 'revoke' })
  fleet.run(3)
  assert.match(fleet.memory().topology?.trouble ?? '', /south does not say that order-db is well there/)
  assert.equal(fleet.at('south').registration, 'accepted')
  fleet.run(60)
  assert.equal(fleet.at('south').registration, 'waiting')
})

test('one that does not end them in that minute is revoked all the same', () => {
  const fleet = twoClusters()
  Object.assign(fleet.specs[0] ?? {}, { intent: 'revoke' })
  fleet.run(70)
  assert.equal(fleet.at('north').registration, 'waiting')
  assert.equal(fleet.at('north').works, 0)
})

test('one that was given up hears of no later turn', () => {
  const fleet = twoClusters()
  fleet.at('north').isAvailable = undefined
  fleet.databases = { ...fleet.databases, home: 'south', acceptLossOf: fleet.memory().topology?.epoch }
  fleet.run(3)
  Object.assign(fleet.copies.south, { primary: 'south', timeline: 2 })
  fleet.run(3)
  assert.deepEqual([fleet.memory().topology?.home, fleet.memory().epoch], ['south', 2])
  assert.deepEqual([fleet.at('north').work?.epoch, fleet.at('south').work?.epoch], [1, 2])
})

test('where databases are of another history no readers go, until they have been made anew', () => {
  const fleet = twoClusters()
  const weights = () => fleet.picture().clusters.map(({ name, weight }) => `${name} ${weight}`)
  assert.deepEqual(weights(), ['north 100', 'south 100'])
  fleet.at('north').isAvailable = undefined
  fleet.databases = { ...fleet.databases, home: 'south', acceptLossOf: fleet.memory().topology?.epoch }
  fleet.run(3)
  Object.assign(fleet.copies.south, { primary: 'south', timeline: 2 })
  fleet.run(3)
  assert.deepEqual(weights(), ['north 0', 'south 100'])
  const { revision } = fleet.picture()
  Object.assign(fleet.copies.north, { primary: 'south', uid: 'second' })
  fleet.run(2)
  assert.deepEqual(weights(), ['north 100', 'south 100'])
  assert.ok(fleet.picture().revision > revision, 'edges follow that')
})

test('what was accepted for one cluster is not for another that is chosen when that one is taken out', () => {
  const fleet = twoClusters()
  fleet.copies.north.ready = 0
  fleet.run(1)
  fleet.databases = { ...fleet.databases, home: 'north', acceptLossOf: 1 }
  Object.assign(fleet.specs[0] ?? {}, { intent: 'drain' })
  fleet.run(3)
  assert.deepEqual([fleet.memory().topology?.step, fleet.memory().epoch], ['steady', 1])
  fleet.databases = { ...fleet.databases, home: 'south' }
  fleet.run(1)
  assert.equal(fleet.memory().topology?.step, 'fencing')
})

test('clusters hear of a turn also when the fleet is paused in the middle of it, or nobody could change anything', () => {
  const fleet = twoClusters()
  fleet.databases = { ...fleet.databases, home: 'south' }
  fleet.run(1)
  fleet.at('north').work = { version: '1', epoch: 1, isApplied: true, isReady: true }
  fleet.paused = true
  fleet.run(1)
  move(fleet)
  assert.deepEqual([fleet.picture().epoch, fleet.memory().topology?.home], [2, 'south'])
  assert.deepEqual([fleet.at('north').work?.epoch, fleet.at('south').work?.epoch], [2, 2])
  assert.ok(!fleet.run(1).includes('apply'))
})

test('nothing of a move is told before an edge has kept the news of it', () => {
  const fleet = twoClusters()
  fleet.databases = { ...fleet.databases, home: 'south' }
  fleet.heard = { revision: 0, epoch: 0 }
  assert.ok(!fleet.run(3).includes('tell-databases'))
  assert.equal(fleet.memory().topology?.step, 'demoting')
  fleet.heard = undefined
  assert.ok(fleet.run(1).includes('tell-databases'))
})

test('a hub that is put back into the middle of a move looks anew, for it may have been called off', () => {
  const fleet = twoClusters()
  fleet.databases = { ...fleet.databases, home: 'south' }
  fleet.run(2)
  assert.equal(fleet.memory().topology?.step, 'demoting')
  const later = { revision: fleet.memory().revision + 1, epoch: 2 }
  Object.assign(fleet.copies.north, { primary: 'south', demotionToken: 'T' })
  fleet.heard = later
  fleet.run(1)
  assert.deepEqual(new Set(fleet.last.map((each) => 'told' in each && each.told)), new Set(['look']))
  assert.equal(fleet.memory().topology, undefined)
})

test('a hub that has forgotten a move looks anew before it tells anything', () => {
  const fleet = twoClusters()
  const view: Seen = {
    ...{ clusters: new Map([['north', fleet.at('north')]]), versions: [], followed: undefined },
    ...{ decided: undefined, answering: new Set<string>(), heard: { revision: 90, epoch: 9 }, demand: 0 },
    kept: new Map(),
  }
  const spec: FleetSpec = {
    ...{ paused: false, dryRun: false, version: '1', clusters: fleet.specs, clustersMin: 1, dns: undefined },
    ...{ databases: fleet.databases, placement: '', rollout: {} as FleetSpec['rollout'] },
  }
  const { actions, memory } = decide({ ...spec, paused: true }, view, fleet.memory(), fleet.now)
  assert.equal(memory.topology, undefined)
  assert.deepEqual(
    actions.filter(({ kind }) => kind === 'tell-databases').map((each) => 'told' in each && each.told),
    ['look'],
  )
})

test('a version comes first to where the databases are and orders are taken, and to others once it is judged', () => {
  const fleet = twoClusters()
  fleet.databases = { ...fleet.databases, home: 'south' }
  fleet.run(1)
  move(fleet)
  fleet.run(60)
  fleet.versions.push(versionOf('2', 2), versionOf('3', 2))
  const went = () => fleet.memory().rollout?.cluster
  fleet.version = '2'
  fleet.run(5)
  assert.equal(went(), 'south')
  fleet.databases = { ...fleet.databases, home: 'north' }
  fleet.run(5)
  assert.equal(fleet.memory().topology?.step, 'steady', 'they stay until it is done')
  fleet.databases = { ...fleet.databases, home: 'south' }
  fleet.run(60)
  assert.deepEqual([went(), fleet.memory().clusters.south?.version], ['north', '2'])
  fleet.run(70)
  fleet.version = '3'
  fleet.run(5)
  assert.equal(went(), 'south', 'one that migrates nothing too')
})

test('a version is not judged by orders that fail while the databases are lost', () => {
  const fleet = twoClusters()
  fleet.run(60)
  fleet.versions.push(versionOf('2', 1))
  fleet.version = '2'
  fleet.run(10)
  assert.deepEqual([fleet.memory().rollout?.cluster, fleet.memory().rollout?.step], ['north', 'soaking'])
  fleet.at('north').isAvailable = undefined
  fleet.run(2)
  fleet.failed = 500
  fleet.run(20)
  fleet.at('north').isAvailable = true
  fleet.run(120)
  assert.deepEqual(fleet.memory().bad, {})
  assert.equal(fleet.memory().clusters.north?.version, '2')
  assert.ok(fleet.memory().timeline.some(({ text }) => /^north: the databases are steady again/.test(text)))
})
