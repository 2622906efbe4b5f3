import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trip } from '#kernel/circuit-breaker'
import { systemClock } from '#ports/clock'
import type { Pool } from '#ports/connections'
import { chooseCluster } from './choose.ts'
import { type Cluster, healthLimits, newCluster, probed, raisedFromNothing, shareOf } from './cluster.ts'
import { openClusters } from './clusters.ts'

const named = (name: string, weight = 100, takesWrites = true): Cluster =>
  newCluster({ name, url: `http://${name}`, weight, takesWrites }, {} as Pool, 0)
const read = { isWrite: false, epoch: 0, key: undefined, tried: [] }
const keys = Array.from({ length: 20_000 }, (_, i) => `reader ${i}`)
const shares = (clusters: readonly Cluster[]) => {
  const counts: Record<string, number> = {}
  for (const key of keys) {
    const name = chooseCluster(clusters, { ...read, key }, 0, () => 0)?.pictured.name ?? 'none'
    counts[name] = (counts[name] ?? 0) + 1 / keys.length
  }
  return counts
}
const down = (cluster: Cluster) => {
  cluster.health = { kind: 'down', sinceMs: 0, goodInRow: 0, reason: 'test' }
  return cluster
}

test('readers are spread by weight, with a key and without', () => {
  const clusters = [named('a', 300), named('b', 100)]
  assert.ok(Math.abs((shares(clusters).a ?? 0) - 0.75) < 0.02)
  let a = 0
  for (let i = 0; i < 1_000; i++)
    if (chooseCluster(clusters, read, 0, () => i / 1_000)?.pictured.name === 'a') a++
  assert.equal(a, 750)
})

test('a reader moves only when a share does, and no more readers than have to', () => {
  const before = [named('a'), named('b'), named('c', 5)]
  const after = [named('a'), named('b'), named('c', 100)]
  const at = (clusters: Cluster[], key: string) =>
    chooseCluster(clusters, { ...read, key }, 0, () => 0)?.pictured.name
  const moved = keys.filter((key) => at(before, key) !== at(after, key))
  assert.ok(moved.every((key) => at(after, key) === 'c'))
  assert.ok(Math.abs(moved.length / keys.length - (1 / 3 - 5 / 205)) < 0.02)
})

test('what is down, cut off or without weight gets nothing while there is another', () => {
  const cutOff = named('c')
  cutOff.breaker = trip(cutOff.breaker, 0, 'failures')
  assert.deepEqual(Object.keys(shares([named('a'), down(named('b')), cutOff, named('d', 0)])), ['a'])
})

test('when all are down one is asked all the same, but none whose weight is nothing', () => {
  const all = [down(named('a')), down(named('b')), named('c', 0)]
  assert.deepEqual(Object.keys(shares(all)).sort(), ['a', 'b'])
  assert.equal(
    chooseCluster([named('c', 0)], read, 0, () => 0),
    undefined,
  )
})

test('a second attempt is never at the same cluster, nor at one that is down', () => {
  const [a, b] = [named('a'), down(named('b'))]
  assert.equal(
    chooseCluster([a, b], { ...read, tried: [a] }, 0, () => 0),
    undefined,
  )
})

test('what changes something goes where that is taken', () => {
  const clusters = [named('a', 100, false), named('b')]
  const at = (isWrite: boolean, i: number) =>
    chooseCluster(clusters, { ...read, isWrite, key: `reader ${i}` }, 0, () => 0)?.pictured.name
  assert.deepEqual(new Set(keys.map((_, i) => at(true, i))), new Set(['b']))
  assert.deepEqual(new Set(keys.map((_, i) => at(false, i))), new Set(['a', 'b']))
  assert.equal(
    chooseCluster([named('a', 100, false)], { ...read, isWrite: true }, 0, () => 0),
    undefined,
  )
})

test('one lost probe is nothing, two are; it comes back after several good ones and gets its share step by step', () => {
  const cluster = named('a')
  cluster.health = probed(cluster.health, 'lost', 1_000)
  assert.equal(cluster.health.kind, 'up')
  cluster.health = probed(probed(cluster.health, undefined, 2_000), 'lost', 3_000)
  assert.equal(cluster.health.kind, 'up', 'not in a row')
  cluster.health = probed(cluster.health, 'lost', 4_000)
  assert.equal(cluster.health.kind, 'down')
  assert.equal(shareOf(cluster, 4_000), 0)
  for (let i = 1; i <= healthLimits.goodMin; i++)
    cluster.health = probed(cluster.health, undefined, 4_000 + i)
  assert.equal(cluster.health.kind, 'up')
  const from = 4_000 + healthLimits.goodMin
  const steps = [0, 0.5, 1, 2].map((part) => shareOf(cluster, from + part * healthLimits.slowStartMs))
  assert.deepEqual(steps.map(Math.round), [10, 55, 100, 100])
})

test('a cluster that gets weight again after a drain begins slowly', () => {
  const cluster = named('a')
  assert.equal(shareOf(cluster, 60_000), 100, 'it was there from the beginning')
  cluster.health = raisedFromNothing(cluster.health, 60_000)
  assert.equal(shareOf(cluster, 60_000), 10)
})

test('a cluster that has moved to another address gets nothing before it has answered there, while there is another', async () => {
  await using clusters = openClusters(systemClock)
  const picture = (revision: number, url: string) => ({
    ...{ revision, epoch: 1 },
    clusters: [
      { name: 'a', url, weight: 100, takesWrites: true },
      { name: 'b', url: 'http://127.0.0.1:2', weight: 100, takesWrites: true },
    ],
  })
  clusters.follow(picture(1, 'http://127.0.0.1:1'))
  clusters.follow(picture(2, 'http://127.0.0.1:3'))
  const chosen = () => {
    const wanted = { isWrite: false, epoch: 1, key: undefined, tried: [] }
    return new Set(Array.from({ length: 50 }, () => clusters.choose(wanted)?.pictured.name))
  }
  assert.deepEqual(chosen(), new Set(['b']))
  const a = clusters.all().find(({ pictured }) => pictured.name === 'a')
  assert.ok(a)
  clusters.probed(a, { version: '1' })
  assert.deepEqual([...chosen()].sort(), ['a', 'b'])
})
