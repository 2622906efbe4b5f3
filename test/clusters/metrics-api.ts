import { createServer } from 'node:https'
import { innerMetricsToken } from '#kernel/signed-calls'
import { every, systemClock } from '#ports/clock'
import type { Metadata } from '#ports/kubernetes'
import type { ControlPlane } from './control-plane.ts'

type Pod = {
  metadata: Metadata
  spec: { containers: readonly { name: string }[] }
  status: { podIP?: string; phase?: string }
}
type Sample = { atMs: number; cpuSeconds: number }
type Usage = { pod: Pod; atMs: number; cores: number; bytes: number }

const address = '10.96.0.90'
const windowMs = 2_000
const group = 'metrics.k8s.io/v1beta1'

/**
 * What metrics-server does for autoscalers (`metrics.k8s.io`), from what the roles say of themselves at /metrics: the API
 * server passes requests for that group on to it.
 */
export async function startMetricsApi(
  controlPlane: ControlPlane,
  namespace: string,
  secret: string,
): Promise<AsyncDisposable> {
  const { api, authority } = controlPlane
  const samples = new Map<string, Sample>()
  let usages: Usage[] = []
  const look = async () => {
    const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent('app.kubernetes.io/name=octavo')}`
    const { items } = (await api.get<{ items: Pod[] }>(path)) ?? { items: [] }
    const measured = await Promise.all(items.map((pod) => usageOf(pod, samples, innerMetricsToken(secret))))
    usages = measured.filter((each) => each !== undefined)
  }
  const rounds = every(systemClock, windowMs, look, { atOnce: true })
  const { cert, key } = authority.issue(
    'metrics-api',
    '/CN=metrics-api',
    `IP:${address},DNS:metrics.${namespace}.svc`,
  )
  const server = createServer({ cert, key }, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://metrics')
    const body = answer(pathname, searchParams.get('labelSelector') ?? '', usages)
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body ?? { kind: 'Status', apiVersion: 'v1', code: 404, reason: 'NotFound' }))
  })
  await new Promise<void>((resolve) => server.listen(443, address, resolve))
  await register(controlPlane, namespace)
  return {
    async [Symbol.asyncDispose]() {
      await rounds[Symbol.asyncDispose]()
      server.close()
      server.closeAllConnections()
    },
  }
}

/** What a pod has used since it was looked at last; undefined the first time, and where it does not answer. */
async function usageOf(pod: Pod, samples: Map<string, Sample>, token: string): Promise<Usage | undefined> {
  const uid = pod.metadata.uid ?? ''
  if (pod.status.podIP === undefined || pod.status.phase !== 'Running') return undefined
  const text = await fetch(`http://${pod.status.podIP}:8080/metrics`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(windowMs),
  }).then(
    (response) => (response.ok ? response.text() : undefined),
    () => undefined,
  )
  if (text === undefined) return undefined
  const [before, atMs] = [samples.get(uid), performance.now()]
  const cpuSeconds = sum(text, 'process_cpu_seconds_total')
  samples.set(uid, { atMs, cpuSeconds })
  if (before === undefined) return undefined
  const cores = (cpuSeconds - before.cpuSeconds) / ((atMs - before.atMs) / 1000)
  return {
    pod,
    atMs: Date.now(),
    cores: Math.max(0, cores),
    bytes: sum(text, 'process_resident_memory_bytes'),
  }
}

const sum = (text: string, name: string) =>
  [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
    (all, [, n]) => all + Number(n),
    0,
  )

function answer(path: string, selector: string, usages: readonly Usage[]): object | undefined {
  const verbs = ['get', 'list']
  if (path === `/apis/${group}`)
    return {
      ...{ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: group },
      resources: [{ name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs }],
    }
  if (!/^\/apis\/metrics\.k8s\.io\/v1beta1\/namespaces\/[^/]+\/pods$/.test(path)) return undefined
  const wanted = selector.split(',').flatMap((each) => (each === '' ? [] : [each.split('=')]))
  const chosen = usages.filter(({ pod }) =>
    wanted.every(([name = '', value]) => pod.metadata.labels?.[name] === value),
  )
  return { kind: 'PodMetricsList', apiVersion: group, metadata: {}, items: chosen.map(podMetrics) }
}

const podMetrics = ({ pod: { metadata, spec }, atMs, cores, bytes }: Usage) => ({
  metadata: { name: metadata.name, namespace: metadata.namespace, labels: metadata.labels },
  ...{ timestamp: new Date(atMs).toISOString(), window: `${windowMs / 1000}s` },
  containers: spec.containers.map(({ name }) => ({
    ...{ name, usage: { cpu: `${Math.round(cores * 1000)}m`, memory: `${Math.round(bytes / 1024)}Ki` } },
  })),
})

/** Tells the API server who serves the group, and lets the controllers ask. */
async function register({ api, authority }: ControlPlane, namespace: string): Promise<void> {
  const at = `/api/v1/namespaces/${namespace}`
  const ports = [{ name: 'https', port: 443 }]
  await api.send('POST', `${at}/services`, {
    metadata: { name: 'metrics' },
    spec: { clusterIP: address, ports },
  })
  await api.send('POST', `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
    metadata: { name: 'metrics', labels: { 'kubernetes.io/service-name': 'metrics' } },
    ...{
      addressType: 'IPv4',
      ports,
      endpoints: [{ addresses: ['10.247.0.90'], conditions: { ready: true } }],
    },
  })
  await api.send('POST', '/apis/apiregistration.k8s.io/v1/apiservices', {
    metadata: { name: 'v1beta1.metrics.k8s.io' },
    spec: {
      ...{ group: 'metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100 },
      service: { name: 'metrics', namespace },
      caBundle: Buffer.from(authority.cert).toString('base64'),
    },
  })
}
