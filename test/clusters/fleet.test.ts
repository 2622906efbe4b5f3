import assert from 'node:assert/strict'
import { join as joinPath } from 'node:path'
import { before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { KubernetesError } from '#ports/kubernetes'
import type { CertificateSigningRequest, ManifestWork } from '../../src/services/fleet/hub/objects.ts'
import { csrApi, workApi } from '../../src/services/fleet/hub/objects.ts'
import { fileScope } from '../support/file-scope.ts'
import { until } from '../support/until.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { untilLong } from './install-store.ts'
import { type Agent, startAgent, subjectOf } from './ocm/agent.ts'
import { openFleet, type TestFleet } from './ocm/open-fleet.ts'
import { ocmFolder, startRealAgent } from './ocm/real-ocm.ts'
import { saysItIsDone, worksOf } from './ocm/registration.ts'
import type { Spoke } from './ocm/work-agent.ts'
import { crashing, failing, manifestsOf, startWorkload, type TestWorkload } from './ocm/workload.ts'
import { openCluster, type TestCluster } from './open-cluster.ts'

/** A fleet on a hub: a real API server with OCM's definitions, and agents that behave as OCM's were measured to. */
const scope = fileScope()
const members = ['a', 'b', 'c']
const schemas = { orders: { version: 1, oldest: 1 } }
const contracted = { orders: { version: 2, oldest: 2 } }
let cluster: TestCluster
let fleet: TestFleet
let controller: AsyncDisposable
const workloads = new Map<string, TestWorkload>()
const agents = new Map<string, Agent>()
const spokes = new Map<string, Spoke & { controlPlane?: ControlPlane }>()

before(async () => {
  cluster = await openCluster(scope)
  for (const [i, name] of [...members, 'rogue'].entries()) {
    const spoke = await openSpoke(name, i)
    spokes.set(name, spoke)
    workloads.set(name, await startWorkload(scope, spoke))
  }
  fleet = await openFleet(scope, cluster, {
    version: '1',
    clustersMin: 2,
    clusters: members.map((name, ring) => ({
      ...{ name, ring, url: workloads.get(name)?.door.url ?? '', ordersPerSecond: 1_000, production: true },
      approvedBy: name === 'c' ? ['ada'] : ['ada', 'ben'],
    })),
    rollout: { canaryPercent: 20, soakSeconds: 3, ordersMin: 20, readyLimitSeconds: 20, failedPercentMax: 2 },
  })
  for (const version of ['1', '2', crashing, failing])
    await fleet.addVersion(version, schemas, manifestsOf(version))
  await fleet.addVersion('3', contracted, manifestsOf('3'))
  controller = await fleet.startController()
  scope.after(() => controller[Symbol.asyncDispose]())
})

test('named clusters come in and serve; strangers, foreign names and the half-approved get nothing', async () => {
  for (const name of [...members, 'rogue']) join(name)
  // By the identity that everyone begins with, in the name of a: once under its own label, once under its label.
  const foreign = startAgent({ ...optionsOf('rogue'), subject: subjectOf('a') })
  const labelled = startAgent({ ...optionsOf('rogue'), subject: subjectOf('a'), label: 'b' })
  scope.after(() => foreign[Symbol.asyncDispose]())
  scope.after(() => labelled[Symbol.asyncDispose]())
  await untilServing('a', 'b')
  await until(async () => (await worksIn('a')).every(saysItIsDone), 'the work says that it is done')
  const { items } = (await api().get<{ items: CertificateSigningRequest[] }>(csrApi)) ?? { items: [] }
  const approved = items.filter(({ status }) => status?.conditions?.some(({ type }) => type === 'Approved'))
  assert.deepEqual(approved.map(({ metadata }) => metadata.name.replace(/-[a-z0-9]+$/, '')).sort(), [
    'a',
    'b',
  ])
  assert.deepEqual(
    [foreign.client(), labelled.client(), agents.get('rogue')?.client(), agents.get('c')?.client()],
    [...[undefined, undefined, undefined, undefined]],
  )
  assert.deepEqual(await worksIn('rogue'), [])
  assert.equal(await secretOn('rogue'), undefined)
  assert.ok(await secretOn('a'), 'who holds work has its secret')
})

test('a cluster sees its own works and nobody else’s', async () => {
  const client = agents.get('a')?.client()
  assert.ok(client)
  assert.ok(await client.get(worksOf('a')))
  for (const path of [worksOf('b'), `${workApi}/manifestworks`, '/api/v1/namespaces/octavo-fleet/configmaps'])
    await assert.rejects(client.get(path), isForbidden)
})

test('a second person lets the third cluster in, by the command, and sees what it may do', async () => {
  assert.equal((await fleet.octavo(['approve', 'c', '--by', 'ben'])).code, 0)
  await until(() => agents.get('c')?.client() !== undefined)
  const list = JSON.stringify({ kind: 'List', items: manifestsOf('9') })
  assert.equal((await fleet.octavo(['add-version', '9'], list)).code, 0)
  const events = await cluster.kubectl(['get', 'events', '--namespace=octavo-fleet', '--output=name'])
  assert.match(events.out, /^event\/store\./m)
  const { said } = await fleet.octavo(['status'])
  assert.match(said, /^a +serving +1 +100 +0 +ada, ben$/m)
  const rights = await fleet.octavo(['rights', 'a'])
  assert.match(rights.said, /^may +list manifestworks.* in a$/m)
  assert.match(rights.said, /^may not +list secrets everywhere$/m)
  const wrong = await Promise.all([['fly'], ['drain'], ['drain', 'nobody']].map((args) => fleet.octavo(args)))
  assert.deepEqual(
    wrong.map(({ code }) => code),
    [2, 2, 1],
  )
})

test('a new version comes to one cluster at a time, is judged by orders, and goes on under another controller', async (t) => {
  const load = startOrders()
  const watching = watchVersions('2')
  await fleet.want({ version: '2' })
  await until(async () => (await memory()).rollout?.step === 'soaking')
  await controller[Symbol.asyncDispose]()
  controller = await fleet.startController()
  await untilLong(async () => (await memory()).goodVersion === '2', story)
  const { failed, count } = await load.stop()
  t.diagnostic(`${count} orders, ${failed} failed`)
  assert.equal(failed, 0)
  assert.ok(
    watching.stop().every((most) => most <= 1),
    'one cluster changed at a time',
  )
  assert.deepEqual(workloads.get('a')?.versions(), ['2'])
})

for (const [version, what] of [
  [crashing, 'never becomes ready'],
  [failing, 'fails one order in ten'],
] as const)
  test(`a version that ${what} is rolled back by itself, and reaches one cluster alone`, async (t) => {
    const load = startOrders()
    const atMs = performance.now()
    await fleet.want({ version })
    await untilLong(async () => (await memory()).bad[version] !== undefined, story)
    await untilLong(async () => (await memory()).rollout === undefined, story)
    t.diagnostic(
      `back after ${Math.round((performance.now() - atMs) / 1_000)} s: ${(await memory()).bad[version]}`,
    )
    await load.stop()
    const others = Object.entries((await memory()).clusters).filter(([, each]) => each.phase === 'serving')
    assert.ok(others.every(([, each]) => each.version === '2' && each.weight === 100))
    assert.ok(performance.now() - atMs < 180_000)
  })

test('a version that would shut out the one that still runs is refused, with its reason', async () => {
  await fleet.want({ version: '3' })
  await until(async () => /cannot work on/.test((await memory()).blocked ?? ''), 'it says why')
  assert.deepEqual(workloads.get('a')?.versions(), ['2'])
  await fleet.want({ version: '2' })
  await until(async () => (await memory()).blocked === undefined)
})

test('a drained cluster is replaced first, then emptied, then let go: no order fails', async (t) => {
  const load = startOrders()
  await fleet.member('a', { intent: 'drain' })
  await untilLong(async () => (await memory()).clusters.a?.phase === 'out', story)
  await untilServing('b', 'c')
  await until(async () => (await worksIn('a')).length === 0)
  const { failed, count } = await load.stop()
  t.diagnostic(`${count} orders, ${failed} failed`)
  assert.equal(failed, 0)
  const texts = (await memory()).timeline.map(({ text }) => text)
  assert.ok(texts.indexOf('c: serving') < texts.lastIndexOf('a: draining'), 'its replacement served first')
  await fleet.member('a', { intent: 'serve' })
})

test('a hub that hears nothing of a cluster takes nothing from it: the edges say whether it sells', async () => {
  agents.get('b')?.cut(true)
  const load = startOrders()
  await sleep(1_000)
  assert.equal((await memory()).clusters.b?.phase, 'serving')
  const before = workloads.get('b')?.orders() ?? 0
  await until(() => (workloads.get('b')?.orders() ?? 0) > before + 20)
  agents.get('b')?.cut(false)
  assert.equal((await load.stop()).failed, 0)
})

test('what is revoked has no readers at once and no access soon, and does not come back by its old certificate', async (t) => {
  const client = agents.get('b')?.client()
  assert.ok(client)
  const atMs = performance.now()
  await fleet.member('b', { intent: 'revoke' })
  await until(async () => (await fleet.edge.state()).clusters.every(({ name }) => name !== 'b'))
  await untilLong(async () => (await memory()).clusters.b?.phase === 'revoked', story)
  t.diagnostic(`revoked after ${Math.round(performance.now() - atMs)} ms`)
  assert.ok(performance.now() - atMs < 60_000)
  await assert.rejects(client.get(worksOf('b')), isForbidden)
  await fleet.member('b', { intent: 'serve' })
  await sleep(2_000)
  assert.equal((await memory()).clusters.b?.phase, 'revoked', 'the same key opens nothing again')
  await assert.rejects(client.get(worksOf('b')), isForbidden)
})

const api = () => cluster.controlPlane.api
const isForbidden = (error: unknown) => error instanceof KubernetesError && error.status === 403

function optionsOf(name: string) {
  const { controlPlane: hub, folder } = cluster
  const spoke = spokes.get(name)
  assert.ok(spoke)
  return { hub, name, folder, spoke }
}

/** A namespace of the hub's API server stands for a cluster; with OCM itself each has a control plane of its own. */
async function openSpoke(name: string, i: number): Promise<Spoke & { controlPlane?: ControlPlane }> {
  const { controlPlane: hub, tools, folder } = cluster
  if (ocmFolder === undefined) return { api: hub.api, namespace: `spoke-${name}` }
  const at = { name, tools, folder: joinPath(folder, `spoke-${name}`), port: hub.port + 100 * (i + 1) }
  const controlPlane = await startControlPlane(at)
  scope.after(() => controlPlane[Symbol.asyncDispose]())
  return { api: controlPlane.api, namespace: 'octavo', controlPlane }
}

async function secretOn(name: string): Promise<object | undefined> {
  const spoke = spokes.get(name)
  assert.ok(spoke)
  return await spoke.api.get(`/api/v1/namespaces/${spoke.namespace}/secrets/octavo-keys`)
}

function join(name: string): void {
  const options = optionsOf(name)
  const { controlPlane: spoke } = options.spoke
  const agent =
    ocmFolder === undefined || spoke === undefined
      ? startAgent(options)
      : startRealAgent({
          ...{ ...options, binaries: ocmFolder, tools: cluster.tools, spoke },
          port: 21_200 + 10 * agents.size,
        })
  agents.set(name, agent)
  scope.after(() => agent[Symbol.asyncDispose]())
}

async function memory() {
  const { status } = await fleet.read()
  assert.ok(status?.memory)
  return status.memory
}

const story = async () => {
  const { status } = await fleet.read()
  return JSON.stringify({ ...status, works: await worksIn('a'), edge: await fleet.edge.state() }, null, 1)
}

async function worksIn(name: string): Promise<ManifestWork[]> {
  return (await api().get<{ items: ManifestWork[] }>(worksOf(name)))?.items ?? []
}

const untilServing = (...names: string[]) =>
  untilLong(async () => {
    const { clusters } = (await fleet.read()).status?.memory ?? { clusters: {} as never }
    return names.every((name) => clusters[name]?.phase === 'serving')
  }, story)

/** Keyed orders through the edge, steadily. */
function startOrders() {
  let isOn = true
  let [count, failed] = [0, 0]
  const order = async () => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() }
    const answer = await request(`${fleet.edge.url}/api/orders`, { method: 'POST', body: '{}', headers })
    await answer.body.dump()
    count++
    if (answer.statusCode >= 500) failed++
  }
  const running = Promise.all(
    Array.from({ length: 3 }, async () => {
      while (isOn) {
        await order()
        await sleep(15)
      }
    }),
  )
  return {
    async stop() {
      isOn = false
      await running
      return { count, failed }
    },
  }
}

/** How many clusters were between two versions, each time somebody looked. */
function watchVersions(version: string) {
  const seen: number[] = []
  const looking = setInterval(async () => {
    const { rollout, clusters } = await memory()
    const moving = Object.entries(clusters).filter(
      ([name, each]) =>
        each.version === version && each.weight > 0 && each.weight < 100 && rollout?.cluster === name,
    )
    seen.push(moving.length)
  }, 250)
  return {
    stop() {
      clearInterval(looking)
      return seen
    },
  }
}
