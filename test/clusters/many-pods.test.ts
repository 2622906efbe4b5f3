import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { type KubernetesApi, KubernetesError, KubernetesUnavailable, type Metadata } from '#ports/kubernetes'
import { fileScope } from '../support/file-scope.ts'
import { until } from '../support/until.ts'
import { startProcess } from './background-process.ts'
import type { DiscoveryState } from './discovery-process.ts'
import { openCluster, type TestCluster } from './open-cluster.ts'
import { goModules } from './tools.ts'

/** Discovery beside thousands of pods that KWOK pretends to run, whose slices the real controllers make. */
const pods = 5_000
const nodes = 10
const namespace = 'many'
/** On a busy machine the controllers take minutes for so many. */
const limitMs = 15 * 60_000
/** What following them may cost a role: beside its own some 100 MB, and of one core. */
const bytesMax = 64e6
const cpuMsMax = 10_000
const scope = fileScope()
let cluster: TestCluster
let api: KubernetesApi
let account = ''

before(async () => {
  cluster = await openCluster(scope, { callsPerSecond: 1_000, nodeGraceSeconds: 600 }, { extra: ['kwok'] })
  api = cluster.controlPlane.api
  const stages = join(goModules, 'kwok', 'stages.yaml')
  const kwok = startProcess({
    command: cluster.tools.kwok,
    args: [`--kubeconfig=${cluster.controlPlane.kubeconfig}`, `--config=${stages}`, '--manage-all-nodes'],
    logPath: join(cluster.folder, 'kwok.log'),
    env: { HOME: cluster.folder },
  })
  scope.after(() => kwok.stop())
  for (let i = 0; i < nodes; i++) await api.send('POST', '/api/v1/nodes', nodeOf(i))
  await make('/api/v1/namespaces', { kind: 'Namespace', metadata: { name: namespace } })
  account = await readerOf(namespace)
  await make(`/api/v1/namespaces/${namespace}/services`, service)
  for (let i = 0; i < nodes; i++)
    await make(`/apis/apps/v1/namespaces/${namespace}/deployments`, deploymentOf(i))
})

test('every one of 5 000 pods is found and no other, for little memory and time', async (t) => {
  const said = (state: DiscoveryState) =>
    `${state.cpuMs.toFixed(0)} ms, heap ${mb(state.heapBytes)}, rss ${mb(state.rssBytes)}`
  const nobody = await follow(t, 'nobody')
  const before = await nobody.ask()
  await untilLong(async () => (await readyPods()).length === pods, 'all pods are ready')
  const startedMs = performance.now()
  const follower = await follow(t, 'octavo')
  await untilLong(async () => (await follower.ask()).ids.length === pods, 'all pods are found')
  const tookMs = performance.now() - startedMs
  assert.deepEqual((await follower.ask()).ids.toSorted(), (await readyPods()).toSorted())
  const all = await follower.ask()
  t.diagnostic(
    `following nobody: ${said(before)}; ${pods} pods: ${said(all)}, found after ${tookMs.toFixed(0)} ms`,
  )
  assert.ok(all.heapBytes - before.heapBytes < bytesMax, `${all.heapBytes - before.heapBytes} bytes`)
  assert.ok(all.cpuMs - before.cpuMs < cpuMsMax, `${all.cpuMs - before.cpuMs} ms`)

  await deletePods('p3')
  await untilLong(async () => {
    const [found, there] = await Promise.all([follower.ask(), readyPods()])
    return there.length === pods && found.ids.toSorted().join() === there.toSorted().join()
  }, 'the pods that were replaced are known')
  const churned = await follower.ask()
  t.diagnostic(
    `${pods / nodes} pods replaced: ${said(churned)}, ${churned.changes - all.changes} changes told`,
  )
  assert.ok(churned.cpuMs - all.cpuMs < cpuMsMax, `${churned.cpuMs - all.cpuMs} ms`)
  assert.ok(churned.heapBytes - before.heapBytes < bytesMax)
})

test('among them, an endpoint that goes is not used after a second', async (t) => {
  const follower = await follow(t, 'octavo')
  const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`
  const tookMs: number[] = []
  for (let round = 0; round < 15; round++) {
    await make(path, sliceOf('by-hand'))
    await untilLong(async () => (await follower.ask()).ids.includes('by-hand'), 'it is known')
    const at = performance.now()
    await api.send('DELETE', `${path}/by-hand`)
    await untilLong(async () => !(await follower.ask()).ids.includes('by-hand'), 'it is gone')
    tookMs.push(performance.now() - at)
  }
  tookMs.sort((a, b) => a - b)
  const median = tookMs[Math.floor(tookMs.length / 2)] ?? 0
  t.diagnostic(`gone after ${median.toFixed(0)} ms, at the latest ${tookMs.at(-1)?.toFixed(0)} ms`)
  assert.ok(median < 1_000, `${median} ms`)
})

const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`
const untilLong = (condition: () => Promise<boolean>, what: string) =>
  until(() => condition().catch(notYet), what, limitMs)

/** A server that is busy with so many pods is asked again, as clients do. */
function notYet(error: unknown): false {
  if (error instanceof KubernetesUnavailable || (error instanceof KubernetesError && error.isGone))
    return false
  throw error
}

const make = (path: string, body: object) => api.send('POST', path, body)

async function readyPods(): Promise<string[]> {
  type Page = { items: { metadata: Metadata; status: { podIP?: string } }[]; metadata: { continue?: string } }
  const names: string[] = []
  let next = ''
  do {
    const page = await api.get<Page>(`/api/v1/namespaces/${namespace}/pods?limit=500&continue=${next}`)
    for (const { metadata, status } of page?.items ?? [])
      if (status.podIP !== undefined && !('deletionTimestamp' in metadata)) names.push(metadata.name)
    next = encodeURIComponent(page?.metadata.continue ?? '')
  } while (next !== '')
  return names
}

/** One by one: all of them in one call would take longer than a call may. */
async function deletePods(part: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods`
  type List = { items: { metadata: Metadata }[] }
  const { items } = (await api.get<List>(`${path}?labelSelector=part%3D${part}`)) ?? { items: [] }
  assert.equal(items.length, pods / nodes)
  for (const { metadata } of items) await api.send('DELETE', `${path}/${metadata.name}`)
}

/** A process of its own, so that what it costs is seen. */
async function follow(t: TestContext, release: string) {
  const { port, caPath } = cluster.controlPlane
  const url = `kubernetes://127.0.0.1:${port}/${namespace}/${release}?${new URLSearchParams({ token: account, ca: caPath })}`
  const child: ChildProcess = fork(join(import.meta.dirname, 'discovery-process.ts'), [url], {
    execArgv: ['--expose-gc'],
  })
  t.after(() => child.kill('SIGKILL'))
  await once(child, 'message')
  return {
    async ask(): Promise<DiscoveryState> {
      child.send('state')
      const [state] = await once(child, 'message')
      return state as DiscoveryState
    },
  }
}

const nodeOf = (i: number) => ({
  ...{ apiVersion: 'v1', kind: 'Node', metadata: { name: `many-${i}` } },
  spec: { podCIDR: `10.244.${4 * i}.0/22`, podCIDRs: [`10.244.${4 * i}.0/22`] },
})

const labels = { 'app.kubernetes.io/component': 'catalog', 'app.kubernetes.io/instance': 'octavo' }
const service = {
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'octavo-catalog', labels } },
  spec: { clusterIP: 'None', selector: labels, ports: [{ name: 'http', port: 8080, targetPort: 8080 }] },
}

/** Each for one node: where they run is not what is looked at, and the scheduler would take its time. */
function deploymentOf(i: number) {
  const own = { ...labels, part: `p${i}` }
  const container = { name: 'catalog', image: 'octavo:1.0.0', ports: [{ name: 'http', containerPort: 8080 }] }
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: `catalog-${i}` } },
    spec: {
      replicas: pods / nodes,
      selector: { matchLabels: own },
      template: {
        metadata: { labels: own },
        spec: { nodeName: `many-${i}`, automountServiceAccountToken: false, containers: [container] },
      },
    },
  }
}

const sliceOf = (name: string) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, labels: { ...labels, 'kubernetes.io/service-name': 'by-hand' } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }],
  endpoints: [{ addresses: ['10.247.0.1'], targetRef: { kind: 'Pod', name } }],
})

/** @returns the path of the token of an account that may follow EndpointSlices */
async function readerOf(namespace: string): Promise<string> {
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  await make(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'reader' } })
  await make(`${rbac}/namespaces/${namespace}/roles`, {
    metadata: { name: 'reader' },
    rules: [
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
    ],
  })
  await make(`${rbac}/namespaces/${namespace}/rolebindings`, {
    metadata: { name: 'reader' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
    subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace }],
  })
  const { status } = await api.send<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/reader/token`,
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 7_200 } },
  )
  const path = join(cluster.folder, 'reader.token')
  writeFileSync(path, status.token)
  return path
}
