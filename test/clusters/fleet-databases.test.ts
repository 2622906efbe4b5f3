import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { readEpoch } from '#kernel/fleet-picture'
import type { Topology } from '../../src/services/fleet/decisions/topology.ts'
import { fleetApi } from '../../src/services/fleet/hub/objects.ts'
import { fileScope } from '../support/file-scope.ts'
import { until } from '../support/until.ts'
import { startCloudNativePg } from './cloudnative-pg.ts'
import { untilLong } from './install-store.ts'
import type { Agent } from './ocm/agent.ts'
import { clusterNames, type StandInDatabases, startDatabases } from './ocm/cloudnative-pg.ts'
import { openFleet, type TestFleet } from './ocm/open-fleet.ts'
import {
  answersWell,
  databasesWork,
  enrol,
  guard,
  type OwnSpoke,
  openSpoke,
  putBack,
} from './ocm/open-spokes.ts'
import type { Spoke } from './ocm/work-agent.ts'
import { manifestsOf, startWorkload, type TestWorkload } from './ocm/workload.ts'
import { openCluster, type TestCluster } from './open-cluster.ts'

/**
 * A fleet whose databases CloudNativePG keeps: real API servers with its definitions and its own webhooks, works by OCM's
 * stand-in (or OCM itself), and a stand-in for what its operator and PostgreSQL do.
 */
const scope = fileScope()
const names = ['a', 'b', 'c']
let hub: TestCluster
let fleet: TestFleet
let controller: AsyncDisposable
let databases: ReadonlyMap<string, StandInDatabases>
const spokes = new Map<string, OwnSpoke>()
const agents = new Map<string, Agent>()
const workloads = new Map<string, TestWorkload>()
let lastOrder = 0

before(async () => {
  hub = await openCluster(scope, {}, { extra: ['cloudnative-pg'] })
  const cloudNativePg = await startCloudNativePg(scope, hub, 'nowhere')
  await cloudNativePg.register(hub.controlPlane)
  await guard(hub, hub.controlPlane)
  for (const [i, name] of names.entries()) {
    const spoke = await openSpoke(scope, hub, name, i)
    if (spoke.controlPlane !== undefined) {
      await cloudNativePg.register(spoke.controlPlane)
      await guard(hub, spoke.controlPlane)
    }
    spokes.set(name, spoke)
    workloads.set(name, await startWorkload(scope, spoke, (epoch) => take(name, epoch)))
  }
  await until(async () => await answersWell(spokes.get('a') as Spoke), 'the webhooks answer', 60_000)
  databases = await startDatabases(scope, spokes, 'a')
  fleet = await openFleet(scope, hub, {
    version: '1',
    clustersMin: 3,
    clusters: names.map((name, ring) => ({
      ...{ name, ring, url: workloads.get(name)?.door.url ?? '', ordersPerSecond: 1_000 },
      approvedBy: ['ada', 'ben'],
    })),
    databases: {
      lostAfterSeconds: 2,
      cloudNativePg: {
        ...{ namespace: 'octavo', clusters: names },
        ...{ orderDb: clusterNames['order-db'], bookDb: clusterNames['book-db'] },
      },
    },
  })
  await fleet.addVersion('1', {}, manifestsOf('1'))
  controller = await fleet.startController()
  scope.after(() => controller[Symbol.asyncDispose]())
  for (const [i, name] of names.entries())
    agents.set(name, enrol(scope, hub, spokes.get(name) as OwnSpoke, name, i))
})

test('where the primaries are is read from the Clusters, before anything is told', async () => {
  await comes((now) => now?.home === 'a' && now.step === 'steady')
  await untilLong(
    async () => (await fleet.edge.state()).clusters.every(({ weight }) => weight === 100),
    story,
  )
  const { clusters } = await fleet.edge.state()
  assert.deepEqual(
    clusters.filter(({ takesWrites }) => takesWrites).map(({ name }) => name),
    ['a'],
  )
})

test('a planned move loses nothing, also when another controller goes on in the middle of it', async (t) => {
  const load = startOrders()
  const startedMs = performance.now()
  const { epoch = 0 } = (await topology()) ?? {}
  assert.equal((await fleet.octavo(['move-databases', 'b'])).code, 0)
  await comes((now) => now?.step === 'demoting')
  await controller[Symbol.asyncDispose]()
  controller = await fleet.startController()
  await comes((now) => now?.home === 'b' && now.step === 'steady')
  const movedMs = performance.now() - startedMs
  await until(async () => (await epochAt('a')) === epoch + 1 && (await epochAt('b')) === epoch + 1)
  await sleep(1_000)
  const { told, pausedMs } = await load.stop()
  t.diagnostic(`${told.length} orders; moved in ${Math.round(movedMs)} ms, none taken for ${pausedMs} ms`)
  assert.ok(told.length > 20)
  assertHas('b', told)
  await until(() => ['a', 'c'].every((name) => at(name).copies['order-db'].replica.primary === 'b'))
  const { said } = await fleet.octavo(['status'])
  assert.match(said, /their primaries are at b, turn \d+, steady/)
})

test('a cluster that is drained moves them first', async () => {
  const load = startOrders()
  await fleet.member('b', { intent: 'drain' })
  await untilLong(async () => (await fleet.edge.state()).clusters.every(({ name }) => name !== 'b'), story)
  const now = await topology()
  assert.ok(now !== undefined && now.home !== 'b' && now.step === 'steady')
  const { told } = await load.stop()
  assertHas(now.home, told)
  assert.equal(at('b').copies['order-db'].role, 'standby')
  assert.ok(await clusterAt('b'), 'its databases are still there, and follow')
  // Else they would go back to where they were asked to be.
  await fleet.octavo(['move-databases', now.home])
  await fleet.member('b', { intent: 'serve' })
  await untilLong(async () => (await fleet.edge.cluster('b').catch(() => undefined))?.weight === 100, story)
})

test('a hub that is put back promotes nobody, and finds where they are', async () => {
  const home = (await topology())?.home ?? ''
  const to = names.find((name) => name !== home) ?? ''
  const works = await Promise.all(names.map((name) => databasesWork(hub, name)))
  const { status } = await fleet.read()
  await fleet.octavo(['move-databases', to])
  await comes((now) => now?.step === 'steady' && now.home === to)
  await until(() => at(to).take(++lastOrder), 'it takes orders')
  const load = startOrders()
  await sleep(1_000)
  const { timeline } = at(to).copies['order-db']
  await controller[Symbol.asyncDispose]()
  for (const work of works) await putBack(hub, work)
  const { metadata, ...rest } = await fleet.read()
  const path = `${fleetApi}/namespaces/${metadata.namespace}/bookstorefleets/${metadata.name}/status`
  await hub.controlPlane.api.send('PUT', path, { ...rest, metadata, status })
  // Agents do what it says.
  await sleep(2_000)
  controller = await fleet.startController()
  await comes((now) => now?.step === 'steady' && now.home === to)
  await sleep(2_000)
  const { told } = await load.stop()
  assert.ok(told.length > 20)
  assertHas(to, told)
  assert.equal(at(to).copies['order-db'].timeline, timeline, 'it was the primary all the time')
  assert.equal((await topology())?.home, to)
})

test('a move that does not come is told of and called off, and nothing is lost', async () => {
  const home = (await topology())?.home ?? ''
  const to = names.find((name) => name !== home) ?? ''
  const load = startOrders()
  // One of both does not end.
  at(home).copies['book-db'].operatorAwayUntil = Number.POSITIVE_INFINITY
  await fleet.octavo(['move-databases', to])
  await comes((now) => now?.step === 'demoting' && now.tokens['order-db'] !== '')
  assert.equal((await topology())?.tokens['book-db'], '')
  await fleet.octavo(['move-databases', home])
  await untilLong(async () => (await story()).includes('is called off'), story)
  at(home).copies['book-db'].operatorAwayUntil = 0
  await comes((now) => now?.step === 'steady' && now.home === home)
  await sleep(500)
  const { told } = await load.stop()
  assert.ok(told.length > 0)
  assertHas(home, told)
})

test('a lost home is given up only when somebody says so', async (t) => {
  const lost = (await topology())?.home ?? ''
  const next = names.find((name) => name !== lost) ?? ''
  const load = startOrders()
  await sleep(1_000)
  agents.get(lost)?.cut(true)
  workloads.get(lost)?.door.freeze()
  at(lost).isAway = true
  await comes((now) => now?.trouble?.includes('--accept-loss') === true)
  const before = await topology()
  await sleep(2_000)
  assert.equal((await topology())?.epoch, before?.epoch, 'nobody is promoted by himself')
  const atMs = performance.now()
  assert.equal((await fleet.octavo(['move-databases', next, '--accept-loss'])).code, 0)
  await comes((now) => now?.home === next && now.step === 'steady')
  t.diagnostic(`promoted ${Math.round(performance.now() - atMs)} ms after somebody said so`)
  await load.stop()
  await isBack(lost, next)
})

/** It takes nothing, and is one of them again when its Clusters have been made anew. */
async function isBack(lost: string, home: string): Promise<void> {
  const load = startOrders()
  at(lost).isAway = false
  workloads.get(lost)?.door.thaw()
  agents.get(lost)?.cut(false)
  await untilLong(
    async () => (await story()).includes(`${lost} is back, and has ended its own primaries`),
    story,
  )
  assert.equal(at(lost).copies['order-db'].role, 'standby')
  assert.match((await fleet.octavo(['status'])).said, new RegExp(`${lost} was given up`))
  const { epoch = 0 } = (await topology()) ?? {}
  assert.ok((await epochAt(lost)) < epoch)
  await fleet.octavo(['move-databases', lost])
  await comes((now) => now?.trouble?.includes('have to be made anew') === true)
  await fleet.octavo(['move-databases', home])
  for (const each of names) if (each !== home) await at(each).makeAnew(home)
  await comes((now) => Object.keys(now?.unsettled ?? {}).length === 0)
  await until(async () => (await epochAt(lost)) === epoch, 'it hears of the turn')
  await fleet.octavo(['move-databases', lost])
  await comes((now) => now?.home === lost && now.step === 'steady')
  const { told } = await load.stop()
  assert.ok(told.length > 20)
  assertHas(lost, told)
}

const at = (name: string) => databases.get(name) as StandInDatabases

/** What its gateways would do with an order of an epoch. */
function take(name: string, epoch: number) {
  const own = epochs.get(name) ?? 0
  if (epoch > own) return { status: 503, headers: { 'x-octavo-epoch': String(own) } }
  const id = ++lastOrder
  return databases.get(name)?.take(id) ? { status: 201, id } : { status: 503 }
}

/** As each cluster's ConfigMap has it. */
const epochs = new Map<string, number>()
async function epochAt(name: string): Promise<number> {
  const spoke = spokes.get(name) as Spoke
  const path = `/api/v1/namespaces/${spoke.namespace}/configmaps/octavo-fleet`
  const epoch = readEpoch((await spoke.api.get<{ data?: { epoch?: string } }>(path))?.data?.epoch) ?? 0
  epochs.set(name, epoch)
  return epoch
}

/** Readers who order one after the other, with a key. */
function startOrders() {
  const told: number[] = []
  let [isOver, lastMs, pausedMs] = [false, performance.now(), 0]
  const following = (async () => {
    for (; !isOver; await sleep(100)) for (const name of names) await epochAt(name).catch(() => 0)
  })()
  const run = async () => {
    for (; !isOver; await sleep(20)) {
      const { statusCode, body } = await request(`${fleet.edge.url}/api/orders`, {
        ...{ method: 'POST', body: '{}' },
        headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
      })
      const answer = (await body.json()) as { id?: number }
      if (statusCode !== 201 || answer.id === undefined) continue
      pausedMs = Math.max(pausedMs, Math.round(performance.now() - lastMs))
      lastMs = performance.now()
      told.push(answer.id)
    }
  }
  const readers = Promise.all([run(), run()])
  return {
    async stop() {
      isOver = true
      await Promise.all([readers, following])
      return { told, pausedMs }
    },
  }
}

function assertHas(home: string, told: readonly number[]): void {
  for (const each of ['order-db', 'book-db'] as const) {
    const has = new Set(at(home).copies[each].log)
    assert.deepEqual(
      told.filter((id) => !has.has(id)),
      [],
      `${each} at ${home}`,
    )
  }
}

const topology = async () => (await fleet.read()).status?.memory?.topology
const comes = (is: (now: Topology | undefined) => boolean) =>
  untilLong(async () => is(await topology()), story)
const story = async () => JSON.stringify((await fleet.read()).status?.memory, null, 1)

const clusterAt = async (name: string) => {
  const { api, namespace } = spokes.get(name) as Spoke
  return await api.get(
    `/apis/postgresql.cnpg.io/v1/namespaces/${namespace}/clusters/${clusterNames['order-db']}`,
  )
}
