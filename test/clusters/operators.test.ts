import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import type { Metadata } from '#ports/kubernetes'
import type { Told } from '../../src/services/fleet/decisions/topology.ts'
import { databasesWorkOf } from '../../src/services/fleet/hub/databases-work.ts'
import { Copy } from '../simulation/cloudnative-pg.ts'
import { fileScope } from '../support/file-scope.ts'
import { until } from '../support/until.ts'
import type { BackgroundProcess } from './background-process.ts'
import type { Manifest } from './chart/policy.ts'
import { startCloudNativePg } from './cloudnative-pg.ts'
import { clusterOf } from './ocm/cloudnative-pg.ts'
import { openCluster, type TestCluster } from './open-cluster.ts'

/** CloudNativePG's own operator and webhooks, and what the chart asks of them. */
const chart = join(import.meta.dirname, '..', '..', 'deploy', 'chart')
/** A busy machine takes its time. */
const limitMs = 120_000
const scope = fileScope()
let cluster: TestCluster
let operator: BackgroundProcess

/** What no cluster of CloudNativePG may be told. */
const forbidden = 'cloudnativePg.parameters.restore_command=none'
/** Switches it on. */
const on = '--set=cloudnativePg.enabled=true,secrets.objectStore.name=objects'

before(async () => {
  cluster = await openCluster(scope, {}, { extra: ['cloudnative-pg'] })
  const cloudNativePg = await startCloudNativePg(scope, cluster)
  await cloudNativePg.register(cluster.controlPlane)
  operator = cloudNativePg.operator
  await cluster.kubectl(['create', 'namespace', 'shop'])
  // They answer once the operator has started; the server begins to ask each of them when it has heard of it.
  const asked = async () => (await dryRun([])).code === 0 && (await dryRun(['--set', forbidden])).code !== 0
  await until(asked, 'the webhooks answer', limitMs).catch(async (error: Error) => {
    throw new Error(`${(await dryRun([])).err}\n${operator.said()}`, { cause: error })
  })
})

test('its webhooks take the clusters and backups of the chart, strictly and without a warning', async () => {
  for (const flags of [[], ['--values', join(chart, 'values-production.yaml')]]) {
    const { code, out, err } = await dryRun(flags)
    assert.deepEqual([code, err], [0, ''])
    assert.match(out, /octavo-book-db serverside-applied/)
    assert.match(out, /octavo-order-db serverside-applied/)
  }
})

test('they refuse what would not hold', async () => {
  const refused = async (set: string, words: RegExp) => {
    const { code, err } = await dryRun(['--set', set])
    assert.notEqual(code, 0, set)
    assert.match(err, words)
  }
  await refused(forbidden, /restore_command/)
  await refused('cloudnativePg.parameters.synchronous_standby_names=nobody', /synchronous_standby_names/)
  await refused('cloudnativePg.parameters.shared_buffers=much', /shared_buffers/)
})

test('the operator makes what the roles mount and call: Secrets with a URL, and Services', async () => {
  await apply(await databases([]))
  const at = (kind: string, name: string) => `/api/v1/namespaces/shop/${kind}/${name}`
  const { api } = cluster.controlPlane
  type Secret = { data: Record<string, string> }
  for (const database of ['book-db', 'order-db']) {
    const found = async () => (await api.get<Secret>(at('secrets', `octavo-${database}-app`)))?.data.uri
    await until(async () => (await found()) !== undefined, `a Secret for ${database}`, limitMs)
    const uri = Buffer.from((await found()) ?? '', 'base64').toString()
    assert.match(uri, new RegExp(`^postgresql://octavo:[^@]+@octavo-${database}-rw\\.shop:5432/`))
    await until(async () => (await api.get(at('services', `octavo-${database}-rw`))) !== undefined)
  }
  const { out } = await cluster.helm(['template', 'octavo', chart, '--namespace=shop', on])
  for (const name of ['octavo-book-db-app', 'octavo-order-db-app'])
    assert.match(out, new RegExp(`secret: \\{ name: ${name}, items: \\[\\{ key: uri`))
  type Job = { metadata: Metadata }
  const jobs = async () =>
    (await api.get<{ items: Job[] }>('/apis/batch/v1/namespaces/shop/jobs'))?.items ?? []
  await until(async () => (await jobs()).length === 2, 'both primaries are begun', limitMs)
})

test('a cluster of a fleet is told where its primaries are, by what a work says of them and nothing else', async () => {
  assert.equal((await cluster.kubectl(['create', 'namespace', 'fleet'])).code, 0)
  const operatorSpec = {
    namespace: 'fleet',
    names: { 'order-db': 'order-db', 'book-db': 'book-db' },
    clusters: [],
  }
  const tell = async (told: Told) => {
    const work = databasesWorkOf({ fleet: 'store', cluster: 'south', operator: operatorSpec, told })
    const [manifest] = work.spec.workload.manifests
    const how = ['apply', '--server-side', '--force-conflicts', '--field-manager=work-agent-octavo']
    return await cluster.kubectl([...how, '--filename=-'], JSON.stringify(manifest))
  }
  const at = (primary: string, token = ''): Told => {
    const replica = { primary, source: primary === 'south' ? 'north' : primary, token }
    return { 'order-db': replica, 'book-db': replica, telling: 1, home: 'north', isUnsettled: false }
  }
  const refused = async (told: Told, words: RegExp) => {
    const { code, err } = await tell(told)
    assert.notEqual(code, 0)
    assert.match(err, words)
  }
  const token = new Copy('north', 'north').tokenNow()
  await refused(at('north'), /External cluster|bootstrap/)
  const own = clusterOf('order-db', 'south', 'north', ['north', 'south'])
  await apply(JSON.stringify({ ...own, metadata: { ...own.metadata, namespace: 'fleet' } }))
  assert.deepEqual((await tell(at('north'))).code, 0)
  await refused(at('north', token), /promotionToken is only allowed for primary clusters/)
  await refused(at('south', 'no token'), /Invalid promotionToken format/)
  await refused(at('south', Buffer.from('{}').toString('base64')), /Invalid promotionToken content/)
  await refused(at('west'), /External cluster west not found/)
  assert.deepEqual((await tell(at('south', token))).code, 0)
  type Cluster = { spec: { instances: number; replica: object; externalClusters: object[] } }
  const path = '/apis/postgresql.cnpg.io/v1/namespaces/fleet/clusters/order-db'
  const now = await cluster.controlPlane.api.get<Cluster>(path)
  assert.deepEqual(now?.spec.replica, {
    self: 'south',
    primary: 'south',
    source: 'north',
    promotionToken: token,
  })
  assert.deepEqual(
    [now?.spec.instances, now?.spec.externalClusters.length],
    [1, 2],
    'the rest is its owner’s',
  )
  assert.deepEqual((await tell(at('north'))).code, 0)
  assert.deepEqual((await cluster.controlPlane.api.get<Cluster>(path))?.spec.replica, {
    ...{ self: 'south', primary: 'north', source: 'north' },
  })
  const inProgress = { status: { switchReplicaClusterStatus: { inProgress: true } } }
  await cluster.controlPlane.api.send('PATCH', `${path}/status`, inProgress)
  await refused(at('south', token), /ongoing operation/)
})

/** The chart's resources of the operator. @param flags over those that switch it on */
async function databases(flags: readonly string[]): Promise<string> {
  const switched = ['--namespace=shop', on]
  const { code, out, err } = await cluster.helm(['template', 'octavo', chart, ...switched, ...flags])
  assert.equal(code, 0, err)
  const all = parseAllDocuments(out).map((document) => document.toJS() as Manifest | null)
  const own = all.filter((each) => each?.apiVersion === 'postgresql.cnpg.io/v1')
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: own })
}

async function dryRun(flags: readonly string[]) {
  const how = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '--namespace=shop']
  return await cluster.kubectl([...how, '--filename=-'], await databases(flags))
}

async function apply(text: string): Promise<void> {
  const { code, err } = await cluster.kubectl(['apply', '--server-side', '--filename=-'], text)
  assert.equal(code, 0, err)
}
