import type { Clock } from '#ports/clock'
import { follow, type Metadata, openKubernetes } from '#ports/kubernetes'
import { createDirectory } from './directory.ts'
import type { Discovery, Instance } from './discovery.ts'

/** The part of discovery.k8s.io/v1 EndpointSlice that is read here. */
export type EndpointSlice = {
  metadata: Metadata
  addressType: 'IPv4' | 'IPv6' | 'FQDN'
  ports?: readonly { name?: string; port?: number }[] | null
  endpoints?: readonly Endpoint[] | null
}

export type Endpoint = {
  addresses: readonly string[]
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean }
  targetRef?: { kind?: string; name?: string; uid?: string }
}

type Candidate = Instance & { isReady: boolean }

const componentLabel = 'app.kubernetes.io/component'
const instanceLabel = 'app.kubernetes.io/instance'
const portName = 'http'
/** Changes that arrive together make one new directory: a rollout of thousands of pods changes slices all the time. */
const gatherMs = 20

/**
 * The Services of a Kubernetes cluster, by their EndpointSlices. A Service labelled `app.kubernetes.io/component: catalog`
 * is the service `catalog`; its endpoints are the instances. The kubelet's readiness says who is there, so registering
 * does nothing.
 * @param url `kubernetes://host[:port]/namespace/release`, all of it optional; `?token=` and `?ca=` name other files
 *   than those of the pod's service account
 * @throws TypeError when the URL cannot be read; Error when a file that it needs is missing
 */
export async function openKubernetesDiscovery(url: string, clock: Clock): Promise<Discovery> {
  const { api, namespace, release } = await openKubernetes(url, clock)
  const directory = createDirectory()
  const stop = new AbortController()
  const first = Promise.withResolvers<void>()
  const bySlice = new Map<string, readonly Candidate[]>()
  let gathering: NodeJS.Timeout | undefined
  const tell = () => {
    gathering = undefined
    directory.replace(usable([...bySlice.values()].flat()))
  }
  const gather = () => {
    gathering ??= setTimeout(tell, gatherMs)
  }
  const selector = [componentLabel, ...(release === undefined ? [] : [`${instanceLabel}=${release}`])].join(
    ',',
  )
  const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=${encodeURIComponent(selector)}`
  const following = follow<EndpointSlice>(
    api,
    path,
    {
      replace(slices) {
        bySlice.clear()
        for (const slice of slices) bySlice.set(slice.metadata.name, candidates(slice))
        tell()
        first.resolve()
      },
      changed(slice) {
        bySlice.set(slice.metadata.name, candidates(slice))
        gather()
      },
      gone(slice) {
        bySlice.delete(slice.metadata.name)
        gather()
      },
    },
    clock,
    stop.signal,
  )
  return {
    register: async () => ({ async [Symbol.asyncDispose]() {} }),
    instances: directory.instances,
    onChange: directory.onChange,
    async ready(timeoutMs) {
      const enough = new AbortController()
      // The sleep is called off by the answer.
      await Promise.race([first.promise, clock.sleep(timeoutMs, enough.signal).catch(() => {})])
      enough.abort()
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      clearTimeout(gathering)
      await following
      await api[Symbol.asyncDispose]()
    },
  }
}

/** What a slice says of one service, and nothing else of it: a cluster may have thousands of endpoints. */
export function candidates(slice: EndpointSlice): Candidate[] {
  const service = slice.metadata.labels?.[componentLabel]
  const ports = slice.ports ?? []
  const port = (ports.find(({ name }) => name === portName) ?? (ports.length === 1 ? ports[0] : undefined))
    ?.port
  if (service === undefined || port === undefined) return []
  const version = slice.metadata.labels?.['app.kubernetes.io/version'] ?? 'unknown'
  return (slice.endpoints ?? []).flatMap(({ addresses, conditions = {}, targetRef }) => {
    const [address] = addresses
    // A condition that is not there counts as true. Source: the API reference of EndpointSlice.
    const { ready = true, serving = ready, terminating = false } = conditions
    if (address === undefined || (!ready && !(serving && terminating))) return []
    const host = slice.addressType === 'IPv6' ? `[${address}]` : address
    const id = targetRef?.name ?? address
    return [{ service, id, url: `http://${host}:${port}`, version, isReady: ready && !terminating }]
  })
}

/**
 * The ready instances of each service. Where none is ready, those that end and still serve: better than nobody, and what
 * kube-proxy does. An endpoint that moves between slices may be in two for a moment; it counts once.
 */
export function usable(all: readonly Candidate[]): Instance[] {
  const services = Map.groupBy(all, ({ service }) => service)
  return [...services.values()].flatMap((members) => {
    const ready = members.filter(({ isReady }) => isReady)
    const chosen = ready.length > 0 ? ready : members
    const byId = new Map(chosen.map(({ isReady: _, ...instance }) => [instance.id, instance]))
    return [...byId.values()]
  })
}
