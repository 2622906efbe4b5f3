import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copiesOf, members, usualCopy, usualSpec } from '../../../../test/support/copies.ts'
import { decideTopology } from './move-databases.ts'
import type { SeenCopies, SeenCopy, Topology, TopologySpec } from './topology.ts'

const spec: TopologySpec = { ...usualSpec, works: new Map(members.map((name) => [name, 'look'])), epoch: 5 }
const copy: SeenCopy = { ...usualCopy, telling: 3 }
const all = (of: Record<string, Partial<SeenCopy>>): SeenCopies => copiesOf(copy, of)
const begin = (seen: SeenCopies, of: TopologySpec = spec) => decideTopology(of, seen, undefined, 0)
const steady = begin(all({})).topology as Topology

test('what was fed back before the hub only looked says nothing', () => {
  const works = new Map(spec.works).set('west', undefined)
  assert.equal(begin(all({}), { ...spec, works }).topology, undefined)
})

test('a hub that was put back is known by what clusters were told since, and tells nothing before it has looked', () => {
  const { topology, told, said } = decideTopology(spec, all({ south: { telling: 9 } }), steady, 0)
  assert.equal(topology?.telling, 10, 'it has looked already')
  const works = new Map()
  const before = decideTopology({ ...spec, works }, all({ south: { telling: 9 } }), steady, 0)
  assert.equal(before.topology, undefined)
  assert.deepEqual(new Set(before.told.values()), new Set(['look']))
  assert.match(said.join(), /it was put back/)
  assert.ok(told.get('south') !== 'look')
})

test('where clusters name several, the one that was told last has them, and others have to be made anew', () => {
  const now = { primary: 'south', home: 'south', telling: 7 }
  const { topology } = begin(all({ south: now, west: now }))
  assert.deepEqual([topology?.home, topology?.step, topology?.telling], ['south', 'steady', 8])
  assert.deepEqual(Object.keys(topology?.unsettled ?? {}), ['north'])
  assert.equal(topology?.unsettled.north?.epoch, 4, 'its gateways refuse what edges send')
  const both = { south: { ...now }, north: { ...now, primary: 'north' } }
  assert.equal(begin(all(both)).topology, undefined, 'two were told at once')
})

test('where nobody has them they go back to where they were, by their own token', () => {
  const moving = { primary: 'south', home: 'south', telling: 7 }
  const seen = all({ north: moving, west: moving, south: { ...moving, primary: 'west', demotionToken: 'T' } })
  const { topology, told } = begin(seen)
  assert.deepEqual([topology?.home, topology?.step], ['south', 'returning'])
  const want = told.get('south')
  assert.ok(want !== undefined && want !== 'look')
  assert.deepEqual(want['order-db'], { primary: 'south', source: 'north', token: 'T' })
})

test('who has heard nothing since others had them is not who has them', () => {
  const later = { home: 'south', telling: 9 }
  const seen = all({
    north: { telling: 1 },
    south: { ...later, primary: 'west', demotionToken: 'T' },
    west: { ...later, primary: 'south' },
  })
  const { topology } = begin(seen)
  assert.deepEqual([topology?.home, topology?.step], ['south', 'returning'], 'north still thinks it has them')
  assert.deepEqual(Object.keys(topology?.unsettled ?? {}), ['north'])
})

test('who has been given a token becomes the primary by it before anything else', () => {
  const now = { primary: 'south', home: 'north', telling: 7, demotionToken: '' }
  const given = { ...now, given: 'T', taken: 'T' }
  const ended = { ...now, demotionToken: 'T' }
  const untaken = begin(all({ south: { ...given, taken: '' }, north: ended, west: now })).topology
  assert.deepEqual([untaken?.home, untaken?.step, untaken?.tokens['book-db']], ['south', 'returning', 'T'])
  const taken = begin(all({ south: given, north: ended, west: now })).topology
  assert.deepEqual([taken?.home, taken?.step], ['south', 'steady'])
  // One of both has not heard of it yet, and has a token of its own of an earlier time.
  const half = begin(
    new Map(
      [...all({ south: given, north: ended, west: now })].map(([name, copies]) => [
        name,
        name === 'south'
          ? { ...copies, 'book-db': { ...copy, home: 'north', demotionToken: 'of an earlier time' } }
          : copies,
      ]),
    ),
  ).topology
  assert.deepEqual([half?.home, half?.step, half?.tokens['book-db']], ['south', 'returning', 'T'])
})

test('what had to be made anew still has to', () => {
  const { topology } = begin(all({ west: { isUnsettled: true } }))
  assert.deepEqual(Object.keys(topology?.unsettled ?? {}), ['west'])
})
