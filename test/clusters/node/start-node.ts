import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '#ports/clock'
import { follow, type KubernetesApi, KubernetesError } from '#ports/kubernetes'
import type { ControlPlane } from '../control-plane.ts'
import type { Pod } from './objects.ts'
import type { Image, RunningContainer } from './run-container.ts'
import { type RunningPod, runPod } from './run-pod.ts'

export type NodeOptions = {
  controlPlane: ControlPlane
  name: string
  /** Of its pods: the first three numbers, such as `10.244.1`. */
  addresses: string
  zone?: string
  folder: string
  /** What runs for an image's name; undefined when the node cannot have it. */
  images: (name: string) => Image | undefined
  /** What it says it has. */
  capacity?: { cpu: string; memory: string; pods: string }
}

/** A node that runs pods as processes of this machine. */
export type TestNode = AsyncDisposable & {
  readonly name: string
  pods(): readonly RunningPod[]
  /** The processes of the pods whose labels match. */
  processes(labels: Readonly<Record<string, string>>): RunningContainer[]
  /** What a pod has written. */
  log(podName: string): string
  /** As by a power cut: every container is gone at once, and nobody is told. */
  lose(): Promise<void>
}

const leaseSeconds = 10
const leaseEveryMs = 2_500
const retryMs = 300

/**
 * A Node that does what a kubelet does: it registers, keeps its lease, runs the pods bound to it in mount namespaces of
 * their own with their environment, volumes and probes, tells how they are, and ends them gracefully. It speaks to the
 * server as a node may, with a node's certificate. It runs no init containers, hooks or probes by command, and knows
 * no cgroups: limits are not enforced.
 */
export async function startNode(options: NodeOptions): Promise<TestNode> {
  const { controlPlane, name, folder } = options
  const api = await controlPlane.apiFor(`node-${name}`, `/O=system:nodes/CN=system:node:${name}`)
  const hostIp = `${options.addresses}.1`
  const stop = new AbortController()
  const running = new Map<string, RunningPod>()
  const takeAddress = addressesOf(options.addresses, running)
  let isLost = false
  await register(api, options, hostIp)

  const run = (pod: Pod) => {
    const at = join(folder, 'pods', pod.metadata.uid)
    const { images } = options
    const started = runPod({ api, pod, ip: takeAddress(), hostIp, folder: at, images, speaks: () => !isLost })
    running.set(pod.metadata.uid, started)
  }
  const end = async (pod: RunningPod, graceSeconds: number, remove: boolean) => {
    await pod.end(graceSeconds, { remove })
    running.delete(pod.pod.metadata.uid)
  }
  const changed = (pod: Pod) => {
    if (isLost) return
    const there = running.get(pod.metadata.uid)
    const isOver = ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '')
    if (pod.metadata.deletionTimestamp !== undefined) {
      const grace = pod.metadata.deletionGracePeriodSeconds ?? 30
      if (there) void end(there, grace, true)
      else void runPodAway(api, pod)
    } else if (!there && !isOver) run(pod)
  }
  const path = `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${name}`)}`
  const following = follow<Pod>(
    api,
    path,
    {
      replace(pods) {
        const known = new Set(pods.map(({ metadata }) => metadata.uid))
        for (const [uid, pod] of running) if (!known.has(uid)) void end(pod, 0, false)
        for (const pod of pods) changed(pod)
      },
      changed,
      gone(pod) {
        const there = running.get(pod.metadata.uid)
        if (there) void end(there, 0, false)
      },
    },
    systemClock,
    stop.signal,
  )
  const beating = keepLease(api, name, stop.signal)
  const halt = async () => {
    stop.abort()
    await Promise.all([following, beating])
    await Promise.all([...running.values()].map((pod) => pod.end(0, { remove: false })))
    running.clear()
    await api[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  }
  let halting: Promise<void> | undefined
  const haltOnce = () => {
    halting ??= halt()
    return halting
  }
  return {
    name,
    pods: () => [...running.values()],
    processes: (labels) =>
      [...running.values()].filter(({ pod }) => matches(pod, labels)).flatMap((pod) => pod.processes()),
    log: (podName) =>
      [...running.values()]
        .filter(({ pod }) => pod.metadata.name === podName)
        .flatMap((pod) => pod.processes())
        .map(({ logPath }) => readFileSync(logPath, 'utf8'))
        .join(''),
    async lose() {
      isLost = true
      for (const pod of running.values()) for (const each of pod.processes()) each.signal('SIGKILL')
      await haltOnce()
    },
    [Symbol.asyncDispose]: haltOnce,
  }
}

const matches = (pod: Pod, labels: Readonly<Record<string, string>>) =>
  Object.entries(labels).every(([name, value]) => pod.metadata.labels?.[name] === value)

/** An address that was used just now may still be remembered as its last pod's: take the others first. */
function addressesOf(prefix: string, running: ReadonlyMap<string, RunningPod>): () => string {
  let last = 1
  return () => {
    const taken = new Set([...running.values()].map(({ ip }) => ip))
    for (let tries = 0; tries < 250; tries++) {
      last = last >= 250 ? 2 : last + 1
      const ip = `${prefix}.${last}`
      if (!taken.has(ip)) return ip
    }
    throw new RangeError(`all addresses of ${prefix} are taken`)
  }
}

/** A pod that is to go and never ran here. */
async function runPodAway(api: KubernetesApi, { metadata }: Pod): Promise<void> {
  const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`
  const body = { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } }
  await api.send('DELETE', path, body).catch(() => {})
}

async function register(api: KubernetesApi, options: NodeOptions, hostIp: string): Promise<void> {
  const { name, zone = 'zone-a', capacity = { cpu: '32', memory: '64Gi', pods: '200' } } = options
  const labels = {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': process.arch === 'x64' ? 'amd64' : process.arch,
    'topology.kubernetes.io/zone': zone,
  }
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } }
  await insist(() =>
    api.send('POST', '/api/v1/nodes', node).catch((error: unknown) => {
      if (!(error instanceof KubernetesError && error.isConflict)) throw error
    }),
  )
  await insist(() =>
    api.send('PATCH', `/api/v1/nodes/${name}/status`, {
      status: {
        ...{ capacity, allocatable: capacity, addresses: [{ type: 'InternalIP', address: hostIp }] },
        nodeInfo: nodeInfo(),
        conditions: conditionsOf(),
      },
    }),
  )
}

const nodeInfo = () => ({
  ...{ kubeletVersion: 'v1.36.3', containerRuntimeVersion: 'process://1', operatingSystem: 'linux' },
  ...{ architecture: process.arch, machineID: '', systemUUID: '', bootID: '', kernelVersion: '' },
  ...{ osImage: 'this machine', kubeProxyVersion: '' },
})

function conditionsOf() {
  const now = new Date().toISOString()
  const times = { lastHeartbeatTime: now, lastTransitionTime: now }
  const healthy = ['MemoryPressure', 'DiskPressure', 'PIDPressure']
  return [
    ...healthy.map((type) => ({ type, status: 'False', reason: 'NoPressure', message: '', ...times })),
    { type: 'Ready', status: 'True', reason: 'NodeReady', message: 'pods run as processes', ...times },
  ]
}

async function keepLease(api: KubernetesApi, name: string, signal: AbortSignal): Promise<void> {
  const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
  const spec = () => ({
    ...{ holderIdentity: name, leaseDurationSeconds: leaseSeconds },
    renewTime: new Date().toISOString().replace('Z', '000Z'),
  })
  while (!signal.aborted) {
    await api
      .send('PATCH', `${path}/${name}`, { spec: spec() })
      .catch((error: unknown) => {
        if (!(error instanceof KubernetesError && error.status === 404)) throw error
        const lease = {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name },
          spec: spec(),
        }
        return api.send('POST', path, lease)
      })
      .catch(() => {})
    await sleep(leaseEveryMs, undefined, { signal }).catch(() => {})
  }
}

/** Whatever goes wrong at first: a server that has just started answers some things a moment later. */
async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++)
    try {
      return await work()
    } catch (error) {
      if (attempt >= 50) throw error
      await sleep(retryMs)
    }
}
