import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decide } from './decide.ts'
import {
  type ClusterSpec,
  type FleetMemory,
  type FleetSpec,
  freshCluster,
  freshMemory,
  type Seen,
  type SeenCluster,
} from './model.ts'
import { candidates, chosen } from './placing.ts'

const rollout = {
  ...{ canaryPercent: 5, soakMs: 1, ordersMin: 0, readyLimitMs: 1, failedPercentMax: 1, slowPercentMax: 1 },
}
const clusterOf = (name: string): ClusterSpec => ({
  ...{ name, url: `http://${name}`, numbersUrl: '', ring: 0, capacity: 100, key: 'k', intent: 'serve' },
  ...{ approvedBy: ['ada', 'ben'], isProduction: true, keeper: undefined },
})
const spec: FleetSpec = {
  ...{
    paused: false,
    dryRun: false,
    version: '1',
    clustersMin: 1,
    rollout,
    databases: undefined,
    dns: undefined,
  },
  ...{ clusters: ['a', 'b', 'c'].map(clusterOf), placement: 'store' },
}
const seenOf = (name: string, ordersPerSecond: number | undefined, isUp = true): SeenCluster => ({
  ...{ name, registration: 'accepted', isAvailable: true, isTainted: false, work: undefined, works: 0 },
  ...{ hasRights: undefined, requests: [], alarms: [] },
  edge: { isUp, version: '1', inFlight: 0, orders: { taken: 0, failed: 0, slow: 0 }, ordersPerSecond },
})
const seenAll = (clusters: readonly SeenCluster[], decided?: readonly string[]): Seen => ({
  ...{ clusters: new Map(clusters.map((each) => [each.name, each])), versions: [], followed: 0, demand: 0 },
  ...{ heard: { revision: 0, epoch: 0 }, answering: new Set(), kept: new Map(), decided },
})

test('a score tells how much a cluster can still take; it stays where it is, and is renewed before it ends', () => {
  let memory: FleetMemory = freshMemory
  const at = (seconds: number, ...orders: number[]) => {
    const clusters = ['a', 'b', 'c'].map((name, i) => seenOf(name, orders[i], name !== 'c'))
    const decision = decide(spec, seenAll(clusters), memory, seconds * 1_000)
    memory = decision.memory
    return decision.actions.flatMap((each) =>
      each.kind === 'score' ? [`${each.cluster} ${each.value}`] : [],
    )
  }
  assert.deepEqual(at(0, 10, 90, 0), ['a 80', 'b -80', 'c -100'])
  assert.deepEqual(at(1, 13, 87, 0), [], 'a little more or less moves nobody')
  assert.deepEqual(at(2, 50, 87, 0), ['a 0'])
  assert.deepEqual(at(60, 50, 87, 0), ['b -74', 'c -100'], 'OCM does not look again once they have ended')
})

test('whom OCM’s scheduler has chosen gets further work first, and nobody loses work because it says nothing', () => {
  const clusters = ['a', 'b', 'c'].map((name) => seenOf(name, 0))
  const names = (memory: FleetMemory, decided: readonly string[] | undefined, count: number) =>
    [...chosen(candidates(spec, seenAll(clusters, decided), memory, 0), count)].join()
  assert.equal(names(freshMemory, undefined, 2), 'a,b')
  assert.equal(names(freshMemory, ['c', 'b'], 2), 'c,b')
  assert.equal(names(freshMemory, ['c'], 2), 'c,a')
  const held = { ...freshMemory, clusters: { a: { ...freshCluster, phase: 'serving' as const } } }
  assert.equal(names(held, [], 1), 'a')
  assert.equal(names(held, ['b'], 1), 'a', 'what is there stays')
})

test('a hub that was put back to an earlier day speaks later than all that edges have heard', () => {
  const seen = { ...seenAll([]), heard: { revision: 41, epoch: 7 } }
  const { memory } = decide({ ...spec, clusters: [] }, seen, { ...freshMemory, revision: 12 }, 0)
  assert.deepEqual([memory.revision, memory.epoch], [42, 7])
  assert.match(memory.timeline[0]?.text ?? '', /put back to an earlier day/)
})
