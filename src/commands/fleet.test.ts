import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Topology } from '../services/fleet/decisions/topology.ts'
import { faultOfAcceptance, faultOfCall, faultOfManifests, manifestsIn } from './fleet.ts'

test('manifests of a version are taken however kubectl writes them', () => {
  const [one, two] = [{ kind: 'Service', spec: {} }, { kind: 'Deployment' }]
  const written = (value: object) => `${JSON.stringify(value, null, 4)}\n`
  assert.deepEqual(manifestsIn(written(one)), [one])
  assert.deepEqual(manifestsIn(written({ kind: 'List', items: [one, two] })), [one, two])
  assert.deepEqual(manifestsIn(written(one) + written(two)), [one, two])
  assert.deepEqual(manifestsIn('\n'), [])
  assert.equal(manifestsIn('kind: Service'), undefined)
})

test('what no cluster could apply is not made known', () => {
  const object = (name: string, namespace?: string) => ({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace } },
  })
  assert.equal(faultOfManifests([object('a'), object('b'), object('a', 'octavo')]), undefined)
  for (const wrong of [[], [42], [null], [{ kind: 'Pod' }], [{ ...object('a'), apiVersion: '' }]])
    assert.notEqual(faultOfManifests(wrong), undefined, JSON.stringify(wrong))
  assert.equal(faultOfManifests([object('a'), object('a')]), 'Service /a is there twice')
})

test('a command takes what it knows, and does not leave the rest out', () => {
  const good: [string, string[], string[]][] = [
    ['status', [], ['json']],
    ['drain', ['north'], []],
    ['approve', ['north'], ['by']],
    ['roll-out', ['1.1.0'], ['again']],
    ['maintain', ['north', '2030-01-31T01:00Z', '2030-01-31T02:00Z'], []],
  ]
  for (const [what, given, options] of good) assert.equal(faultOfCall(what, given, options), undefined, what)
  assert.equal(faultOfCall('drain', ['north', 'south'], []), 'drain takes one name')
  assert.equal(faultOfCall('drain', [], []), 'drain takes one name')
  assert.equal(faultOfCall('drain', [' '], []), 'drain takes one name')
  assert.equal(faultOfCall('pause', ['north'], []), 'pause takes nothing')
  assert.equal(faultOfCall('maintain', ['north'], []), 'maintain takes 3 words')
  assert.equal(faultOfCall('drain', ['north'], ['accept-loss']), 'drain takes no --accept-loss')
})

test('a loss is accepted only where there is something to give up', () => {
  const none = { 'order-db': '', 'book-db': '' }
  const at = (step: Topology['step'], tokens = none): Topology => ({
    ...{
      epoch: 2,
      telling: 1,
      home: 'north',
      step,
      to: step === 'steady' ? '' : 'south',
      sinceMs: 0,
      tokens,
      uids: none,
    },
    ...{ timelines: { 'order-db': 0, 'book-db': 0 }, unsettled: {} },
    ...{ lostSinceMs: undefined, trouble: undefined },
  })
  assert.match(faultOfAcceptance(undefined, 'south') ?? '', /whose primaries are known/)
  assert.match(faultOfAcceptance(at('steady'), 'north') ?? '', /are at north already/)
  assert.match(faultOfAcceptance(at('demoting'), 'north') ?? '', /calls the move off/)
  assert.match(faultOfAcceptance(at('fencing'), 'south') ?? '', /is being promoted/)
  assert.match(faultOfAcceptance(at('promoting'), 'south') ?? '', /is being promoted/)
  const tokens = { 'order-db': 'T', 'book-db': 'T' }
  const may: [Topology, string][] = [
    [at('steady'), 'south'],
    [at('demoting'), 'south'],
    [at('promoting', tokens), 'south'],
    [at('promoting', tokens), 'north'],
    [at('promoting'), 'west'],
  ]
  for (const [topology, name] of may) assert.equal(faultOfAcceptance(topology, name), undefined)
})
