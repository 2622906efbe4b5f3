import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admit, agentSigner } from './admission.ts'
import { judge } from './judge.ts'
import type {
  CertificateRequest,
  ClusterSpec,
  FleetMemory,
  RolloutSpec,
  SeenCluster,
  VersionRecord,
} from './model.ts'
import { freshCluster } from './model.ts'
import { wantedCount } from './placing.ts'
import { migrated, schemaFault } from './schema-guard.ts'

const own = 'system:open-cluster-management:a'
const spec: ClusterSpec = {
  ...{ name: 'a', url: 'http://a', numbersUrl: '', ring: 0, capacity: 100, key: '', intent: 'serve' },
  ...{ approvedBy: ['ada', 'ben'], isProduction: true, keeper: undefined },
}
const asked: CertificateRequest = {
  ...{ name: 'a-1', requester: 'bootstrap', commonName: `${own}:agent`, organisations: [own], key: 'k1' },
  ...{ keyType: 'ec', seconds: 3_600, signer: agentSigner },
}
const seen: SeenCluster = {
  ...{
    name: 'a',
    registration: 'waiting',
    isAvailable: undefined,
    isTainted: false,
    work: undefined,
    works: 0,
  },
  ...{ hasRights: undefined, requests: [asked], edge: undefined, alarms: [] },
}
const kindsOf = (request: Partial<CertificateRequest>, cluster = spec, memory = freshCluster) =>
  admit(cluster, { ...seen, requests: [{ ...asked, ...request }] }, memory).actions.map(({ kind }) => kind)

test('a cluster that two people have let in is approved by name, and its key kept', () => {
  const { actions, key } = admit(spec, seen, freshCluster)
  assert.deepEqual(actions, [
    { kind: 'approve', request: 'a-1', cluster: 'a' },
    { kind: 'accept', cluster: 'a' },
  ])
  assert.equal(key, 'k1')
})

test('one person, or the same one twice, is not enough for a production cluster; its request waits', () => {
  for (const approvedBy of [[], ['ada'], ['ada', 'ada'], ['ada', ' '], ['ada', 'Ada ']])
    assert.deepEqual(kindsOf({}, { ...spec, approvedBy }), [])
  assert.deepEqual(kindsOf({}, { ...spec, approvedBy: ['ada'], isProduction: false }), ['approve', 'accept'])
})

test('a request that asks for anything but its own cluster’s name and groups is denied', () => {
  const foreign = 'system:open-cluster-management:b'
  const wrongs: Partial<CertificateRequest>[] = [
    { commonName: `${foreign}:agent` },
    { commonName: `${own}:agent:more` },
    { commonName: `${own}b:agent` },
    { organisations: [own, foreign] },
    { organisations: [own, 'system:masters'] },
    { organisations: [] },
    { signer: 'kubernetes.io/kubelet-serving' },
    { keyType: 'rsa' },
    { seconds: 30 * 86_400 },
  ]
  for (const wrong of wrongs) assert.equal(kindsOf(wrong)[0], 'deny', JSON.stringify(wrong))
  const both = [own, 'system:open-cluster-management:managed-clusters']
  assert.equal(kindsOf({ organisations: both })[0], 'approve')
})

test('a second key in a cluster’s name is denied, unless it renews its own; one that was revoked always is', () => {
  const memory = { ...freshCluster, key: 'k1' }
  assert.equal(kindsOf({ key: 'k2' }, spec, memory)[0], 'deny')
  assert.equal(kindsOf({ key: 'k2', requester: `${own}:agent` }, spec, memory)[0], 'approve')
  assert.equal(kindsOf({}, spec, { ...freshCluster, revokedKeys: ['k1'] })[0], 'deny')
  assert.equal(
    kindsOf({ key: 'k2' }, { ...spec, key: 'k1' })[0],
    'deny',
    'the fleet may name the key beforehand',
  )
})

const version = (name: string, made: number, oldest: number): VersionRecord => ({
  version: name,
  schemas: { orders: { version: made, oldest } },
})

test('the schema guard lets versions back until one contracts, and says why it does not', () => {
  const [one, expands, contracts] = [version('1', 1, 1), version('2', 2, 1), version('3', 3, 2)]
  const atTwo = migrated(migrated({}, one), expands)
  assert.equal(schemaFault(one, atTwo, []), undefined)
  assert.equal(schemaFault(contracts, atTwo, [expands]), undefined)
  assert.match(schemaFault(contracts, atTwo, [one]) ?? '', /1, which still runs, cannot work on/)
  const atThree = migrated(atTwo, contracts)
  assert.match(schemaFault(one, atThree, []) ?? '', /works with programs from 2 only/)
  assert.equal(schemaFault(expands, atThree, []), undefined)
  assert.deepEqual(migrated(atThree, one), atThree, 'databases never go back')
})

const limits: RolloutSpec = {
  ...{ canaryPercent: 5, soakMs: 10_000, ordersMin: 100, readyLimitMs: 60_000 },
  ...{ failedPercentMax: 1, slowPercentMax: 10 },
}
const judged = (
  taken: number,
  failed: number,
  slow: number,
  soakedMs: number,
  alarms?: string[] | 'unread',
) =>
  judge(
    {
      ...{ ...seen, alarms: alarms === 'unread' ? undefined : (alarms ?? []) },
      edge: {
        ...{ isUp: true, version: '2', inFlight: 0, orders: { taken, failed, slow } },
        ordersPerSecond: undefined,
      },
    },
    { taken: 0, failed: 0, slow: 0 },
    soakedMs,
    limits,
  ).kind

test('a version is judged by orders: enough of them, for long enough, few failed, few slow, nothing oversold', () => {
  assert.equal(judged(100, 0, 0, 10_000), 'good')
  assert.equal(judged(100, 0, 0, 9_000), 'open', 'not for long enough')
  assert.equal(judged(99, 0, 0, 10_000), 'open', 'not enough of them')
  assert.equal(judged(0, 0, 0, 50_000), 'good', 'nobody orders, and it is not held up for ever')
  assert.equal(judged(97, 3, 0, 1_000), 'bad', 'three in a hundred fail')
  assert.equal(judged(10, 3, 0, 1_000), 'open', 'so few say nothing')
  assert.equal(judged(0, 8, 0, 50_000), 'bad', 'no more come, and all of them failed')
  assert.equal(judged(5, 1, 0, 50_000), 'good', 'one may be chance')
  assert.equal(judged(100, 0, 11, 1_000), 'bad')
  assert.equal(judged(100, 0, 0, 10_000, ['1 title is oversold']), 'bad')
  assert.equal(judged(100, 0, 0, 10_000, 'unread'), 'open', 'what nobody can read is not that all is well')
  assert.equal(judged(97, 3, 0, 10_000, 'unread'), 'bad')
})

test('demand takes a further cluster at once, and gives one back only after a while', () => {
  const clusters = ['a', 'b', 'c'].map((name) => ({ ...spec, name }))
  const fleet = {
    ...{ paused: false, dryRun: false, version: '1', clusters, clustersMin: 1 },
    rollout: limits,
    databases: undefined,
    dns: undefined,
    placement: '',
  }
  let wanted: FleetMemory['wanted'] = { count: 1, lessSinceMs: undefined }
  const at = (demand: number | undefined, seconds: number) => {
    wanted = wantedCount(fleet, clusters, demand, wanted, seconds * 1_000)
    return wanted.count
  }
  assert.deepEqual([at(60, 0), at(80, 1), at(150, 2)], [1, 2, 3])
  assert.equal(at(60, 3), 3)
  assert.equal(at(60, 500), 3)
  assert.equal(at(150, 550), 3, 'a wave comes back')
  assert.equal(at(60, 600), 3)
  assert.equal(at(60, 1_201), 2)
  assert.equal(at(undefined, 9_000), 2, 'without a word from the edges nothing is given back')
})
