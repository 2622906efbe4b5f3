import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copiesOf, members, usualCopy, usualSpec } from '../../../../test/support/copies.ts'
import { decideTopology } from './move-databases.ts'
import type { SeenCopies, SeenCopy, Topology, TopologySpec } from './topology.ts'

const spec: TopologySpec = usualSpec
const copy: SeenCopy = { ...usualCopy, phase: 'healthy' }
const all = (of: Record<string, Partial<SeenCopy>> = {}, bookDb: typeof of = of): SeenCopies =>
  copiesOf(copy, of, bookDb)

const looking = new Map(members.map((name) => [name, 'look' as const]))

/** All have heard what they were told last, but those of which a test says how much. */
const heard = (seen: SeenCopies, telling = 0): SeenCopies =>
  new Map(
    [...seen].map(([name, copies]) => [
      name,
      Object.fromEntries(
        Object.entries(copies).map(([each, one]) => [each, { ...one, telling: one.telling || telling }]),
      ),
    ]),
  )

/** A fleet whose primaries are at north, and every look at it. */
function fleetAtNorth() {
  let topology: Topology | undefined
  let nowMs = 0
  const look = (to: Partial<TopologySpec> = {}, seen = all(), seconds = 1) => {
    nowMs += seconds * 1_000
    const decision = decideTopology(
      { ...spec, ...(topology === undefined && { works: looking }), ...to, epoch: topology?.epoch ?? 3 },
      heard(seen, topology?.telling),
      topology,
      nowMs,
    )
    topology = decision.topology
    const toldOf = (name: string) => {
      const told = decision.told.get(name)
      assert.ok(told !== undefined && told !== 'look')
      return told['order-db']
    }
    return { ...decision, toldOf, step: topology?.step }
  }
  return look
}

test('nothing is told before every member has said where the primaries are, and all the same', () => {
  for (const seen of [new Map(), all({ west: { primary: 'west' } }), all({ south: { primary: '' } })]) {
    const { topology, told } = decideTopology({ ...spec, works: looking }, seen, undefined, 0)
    assert.equal(topology, undefined)
    assert.deepEqual(new Set(told.values()), new Set(['look']))
  }
  const { topology, told } = decideTopology(
    { ...spec, works: looking },
    all({ north: { given: 'earlier', taken: 'earlier' } }),
    undefined,
    0,
  )
  assert.deepEqual([topology?.home, topology?.epoch, topology?.step], ['north', 3, 'steady'])
  const given = { primary: 'north', source: 'south', token: 'earlier' }
  const as = { telling: 1, home: 'north', isUnsettled: false }
  assert.deepEqual(told.get('north'), { 'order-db': given, 'book-db': given, ...as }, 'as they are')
})

test('a planned move: the home ends first, and the next one gets its name and the token at once', () => {
  const look = fleetAtNorth()
  look()
  const first = look({ wanted: 'south' })
  assert.deepEqual([first.step, first.topology?.epoch], ['demoting', 4])
  assert.deepEqual(first.toldOf('north'), { primary: 'south', source: 'south', token: '' })
  assert.deepEqual(first.toldOf('south'), { primary: 'north', source: 'north', token: '' })
  const one = look({ wanted: 'south' }, all({ north: { primary: 'south', demotionToken: 'T' } }, {}))
  assert.equal(one.step, 'demoting', 'both, or none')
  assert.equal(one.toldOf('south').primary, 'north')
  const ended = { north: { primary: 'south', demotionToken: 'T' } }
  const both = look({ wanted: 'south' }, all(ended))
  assert.equal(both.step, 'promoting')
  assert.deepEqual(both.toldOf('south'), { primary: 'south', source: 'north', token: 'T' })
  assert.deepEqual(both.toldOf('west'), { primary: 'north', source: 'north', token: '' })
  const taken = { primary: 'south', given: 'T', taken: 'T', ready: 1 }
  assert.equal(look({ wanted: 'south' }, all({ ...ended, south: { ...taken, taken: '' } })).step, 'promoting')
  assert.equal(look({ wanted: 'south' }, all({ ...ended, south: { ...taken, ready: 0 } })).step, 'promoting')
  const done = look({ wanted: 'south' }, all({ ...ended, south: taken }))
  assert.deepEqual([done.step, done.topology?.home], ['steady', 'south'])
  assert.deepEqual(done.toldOf('west'), { primary: 'south', source: 'south', token: '' })
  assert.equal(done.toldOf('south').token, 'T', 'it stays: an older work has none, or another')
})

test('a move does not begin where it could not end well, and says why', () => {
  const cases: [SeenCopies, RegExp][] = [
    [all({ south: { ready: 0 } }), /south does not say that its copy of order-db is well/],
    [all({ south: { primary: 'west' } }), /south does not say/],
    [all({ north: { demotionToken: 'old' } }), /still has a token of an earlier move/],
    [all({ south: { system: '8' } }), /is another database/],
    [new Map(), /north does not say that order-db is well/],
  ]
  for (const [seen, words] of cases) {
    const look = fleetAtNorth()
    look()
    const { step, topology, said } = look({ wanted: 'south' }, seen)
    assert.equal(step, 'steady')
    assert.match(topology?.trouble ?? '', words)
    assert.match(said.join(), words)
    assert.deepEqual(look({ wanted: 'south' }, seen).said, [], 'once')
  }
})

test('a token that was there before the home was told is none of this move', () => {
  const look = fleetAtNorth()
  look()
  look({ wanted: 'south' })
  assert.equal(look({ wanted: 'south' }, all({ north: { demotionToken: 'old' } })).step, 'demoting')
})

test('a move that does not come is told of, and called off by its own token as long as nobody has it', () => {
  const look = fleetAtNorth()
  look()
  look({ wanted: 'south' })
  const half = all({ north: { primary: 'south', demotionToken: 'T' } }, { north: { ready: 0 } })
  assert.match(look({ wanted: 'south' }, half, 70).said.join(), /has not ended its primary of book-db/)
  const back = look({ wanted: 'north' }, half)
  assert.equal(back.step, 'returning')
  assert.deepEqual(back.told.get('north'), {
    'order-db': { primary: 'north', source: 'south', token: 'T' },
    'book-db': { primary: 'north', source: 'south', token: '' },
    ...{ telling: back.topology?.telling, home: 'north', isUnsettled: false },
  })
  // It ended while it was called off: its token counts.
  const late = look({ wanted: 'north' }, all({ north: { primary: 'south', demotionToken: 'T' } }))
  assert.equal(late.step, 'returning')
  const again = look({ wanted: 'north' }, all({ north: { given: 'T', taken: 'T' } }))
  assert.deepEqual([again.step, again.topology?.home, again.topology?.epoch], ['steady', 'north', 4])
})

test('once the next home has the token there is no way back but on', () => {
  const look = fleetAtNorth()
  look()
  look({ wanted: 'south' })
  const ended = all({ north: { primary: 'south', demotionToken: 'T' } })
  look({ wanted: 'south' }, ended)
  assert.equal(look({ wanted: 'north' }, ended).step, 'promoting')
  assert.match(
    look({ wanted: 'north' }, ended, 70).topology?.trouble ?? '',
    /south is not the primary of order-db/,
  )
})

test('a lost home is told of with what may be lost, and nobody is promoted before somebody accepts it for that turn', () => {
  const look = fleetAtNorth()
  look()
  const lost = { isHomeLost: true, wanted: 'south' }
  assert.equal(look(lost).step, 'steady')
  const { step, topology, said } = look(lost, all(), 10)
  assert.equal(step, 'steady')
  assert.match(said.join(), /some 7 a second.*--accept-loss/)
  assert.match(topology?.trouble ?? '', /north is lost with the primaries/)
  assert.equal(look({ ...lost, acceptLossOf: 2 }).step, 'steady', 'of another turn')
  const given = look({ ...lost, acceptLossOf: 3, isFollowed: false })
  assert.deepEqual([given.step, given.topology?.epoch], ['fencing', 4])
  assert.equal(given.toldOf('north').primary, 'south', 'for when it returns')
  assert.equal(given.toldOf('south').primary, 'north', 'not yet')
  assert.deepEqual(given.topology?.unsettled.north?.epoch, 3, 'it hears of no later turn')
  assert.equal(look({ ...lost, isFollowed: false }).step, 'fencing', 'an edge does not follow')
  const works = new Map([['north', undefined]])
  assert.equal(look({ ...lost, works }).step, 'fencing', 'the hub would not tell it')
  const promoted = look(lost)
  assert.deepEqual(promoted.toldOf('south'), { primary: 'south', source: 'north', token: '' })
  assert.equal(look(lost, all({ south: { primary: 'south' } })).step, 'promoting', 'its timeline goes up')
  const done = look(lost, all({ south: { primary: 'south', timeline: 2 } }))
  assert.deepEqual([done.step, done.topology?.home], ['steady', 'south'])
})

test('a loss that is accepted of a home that is well is none: it is moved as planned', () => {
  const look = fleetAtNorth()
  look()
  const first = look({ wanted: 'south', acceptLossOf: 3 })
  assert.deepEqual([first.step, first.topology?.epoch], ['demoting', 4])
  // It was lost just then: that is another turn, of which nobody has accepted anything.
  assert.equal(look({ wanted: 'south', acceptLossOf: 3, isHomeLost: true }).step, 'demoting')
  assert.match(
    look({ wanted: 'south', isHomeLost: true }, all(), 70).topology?.trouble ?? '',
    /--accept-loss/,
  )
  assert.equal(look({ wanted: 'south', acceptLossOf: 4, isHomeLost: true }).step, 'fencing')
  const unwell = fleetAtNorth()
  unwell()
  assert.equal(unwell({ wanted: 'south', acceptLossOf: 3 }, all({ north: { ready: 0 } })).step, 'fencing')
})

test('what was given up is a target again when it has been made anew, and not when it is only back', () => {
  const look = fleetAtNorth()
  look()
  look({ isHomeLost: true, wanted: 'south' })
  look({ isHomeLost: true, wanted: 'south', acceptLossOf: 3 })
  look({ wanted: 'south' })
  const south = { primary: 'south', timeline: 2 }
  look({ wanted: 'south' }, all({ south }))
  const token = Buffer.from(
    JSON.stringify({ latestCheckpointTimelineID: '1', latestCheckpointREDOLocation: '0/5000060' }),
  ).toString('base64')
  const back = { south, west: { primary: 'south' }, north: { primary: 'south', demotionToken: token } }
  const { said } = look({}, all(back))
  assert.match(
    said.join(),
    /north is back, and has ended its own primaries: order-db at 0\/5000060 of timeline 1/,
  )
  assert.match(look({ wanted: 'north' }, all(back)).topology?.trouble ?? '', /north was given up/)
  assert.match(look({ wanted: 'west' }, all(back)).topology?.trouble ?? '', /west was given up/)
  const anew = { ...back, north: { primary: 'south', uid: 'second' } }
  assert.match(look({}, all(anew)).said.join(), /north has been made anew/)
  assert.equal(look({ wanted: 'north' }, all(anew)).step, 'demoting')
})

test('who was made anew before it heard that others were given up has to be made anew once more', () => {
  const look = fleetAtNorth()
  look()
  look({ isHomeLost: true, wanted: 'south' })
  look({ isHomeLost: true, wanted: 'south', acceptLossOf: 3 })
  look({ wanted: 'south' })
  const now = { north: {}, south: { primary: 'south', timeline: 2 }, west: { primary: 'south' } }
  // What west said when north was given up was of before its owner made it from that.
  const { topology } = look({}, all({ ...now, west: { ...now.west, uid: 'second' } }))
  assert.ok(topology?.unsettled.west)
  assert.ok(look({}, all({ ...now, west: { ...now.west, uid: 'second' } })).topology?.unsettled.west)
  assert.equal(
    look({}, all({ ...now, west: { ...now.west, uid: 'third' } })).topology?.unsettled.west,
    undefined,
  )
})
