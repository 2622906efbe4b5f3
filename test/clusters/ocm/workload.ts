import type { RequestListener } from 'node:http'
import { systemClock } from '#ports/clock'
import type { KubernetesApi } from '#ports/kubernetes'
import { epochLabel } from '../../../src/services/fleet/hub/objects.ts'
import type { TestScope } from '../../support/database.ts'
import { type StandInCluster, startCluster } from '../../support/edge.ts'
import type { Spoke } from './work-agent.ts'

type Pod = {
  metadata: { name: string; deletionTimestamp?: string }
  spec: { containers: { image: string }[] }
  status?: { conditions?: { type: string; status: string }[] }
}

/** A cluster of the tests: its pods become ready by themselves, and its door answers as the version of them does. */
export type TestWorkload = {
  door: StandInCluster
  namespace: string
  /** Versions of the pods that are ready, each once. */
  versions(): string[]
  orders(): number
  [Symbol.asyncDispose](): Promise<void>
}

const lookMs = 300
/** The version that never becomes ready, and the one that fails one order in ten. */
export const crashing = '0.0.0-crashing'
export const failing = '0.0.0-failing'

/** @param take what becomes of an order that comes with this epoch, in a cluster whose databases are a test's own */
export async function startWorkload(
  scope: TestScope,
  { api, namespace }: Spoke,
  take?: (epoch: number) => { status: number; headers?: Record<string, string>; id?: number },
): Promise<TestWorkload> {
  await api.send('POST', '/api/v1/namespaces', { metadata: { name: namespace } })
  const stop = new AbortController()
  let ready: string[] = []
  let orders = 0
  const answer: RequestListener = (request, response) => {
    request.resume()
    const [version] = ready
    if (version === undefined) {
      response.writeHead(503).end()
      return
    }
    orders++
    if (take !== undefined && request.method === 'POST') {
      const { status, headers, id } = take(Number(request.headers['x-octavo-epoch'] ?? 0))
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify({ id }))
      return
    }
    const status = version === failing && orders % 10 === 0 ? 500 : request.method === 'POST' ? 201 : 200
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ version }))
  }
  const door = await startCluster(scope, answer, () => ready[orders % Math.max(1, ready.length)])
  const running = (async () => {
    while (!stop.signal.aborted) {
      ready = await readyVersions(api, namespace).catch(() => ready)
      // Called off by the end.
      await systemClock.sleep(lookMs, stop.signal).catch(() => {})
    }
  })()
  const end = async () => {
    stop.abort()
    await running
  }
  scope.after(end)
  return { ...{ door, namespace, versions: () => ready, orders: () => orders }, [Symbol.asyncDispose]: end }
}

/** There is no kubelet: whoever looks makes pods ready, unless they are of a version that never is. */
async function readyVersions(api: KubernetesApi, namespace: string): Promise<string[]> {
  const path = `/api/v1/namespaces/${namespace}/pods`
  const { items } = (await api.get<{ items: Pod[] }>(path)) ?? { items: [] }
  const versions = new Set<string>()
  for (const { metadata, spec, status } of items) {
    const version = spec.containers[0]?.image.split(':')[1] ?? ''
    if (version === crashing || metadata.deletionTimestamp !== undefined) continue
    const isReady = status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True')
    if (isReady) versions.add(version)
    else
      await api.send(
        'PATCH',
        `${path}/${metadata.name}/status`,
        { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } },
        'strategic-merge',
      )
  }
  return [...versions]
}

/** What is put on a cluster: the gateway, and a secret that no other cluster may see. */
export const manifestsOf = (version: string): object[] => [
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'octavo-keys', namespace: 'octavo' },
    stringData: { secret: 's' },
  },
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'octavo-fleet', namespace: 'octavo', labels: { [epochLabel]: '' } },
    data: { epoch: '0' },
  },
  {
    ...{
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'octavo-gateway', namespace: 'octavo' },
    },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'gateway' } },
      template: {
        metadata: { labels: { app: 'gateway' } },
        spec: {
          automountServiceAccountToken: false,
          containers: [{ name: 'gateway', image: `octavo:${version}` }],
        },
      },
    },
  },
]
