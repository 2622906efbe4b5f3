import { type KubernetesApi, KubernetesError, type Metadata, openKubernetes } from '#ports/kubernetes'
import { type Election, electing } from './leading.ts'
import type { LeaseOptions, Leases } from './lease.ts'

/** coordination.k8s.io/v1 Lease. */
type Lease = {
  metadata: Metadata
  spec?: {
    holderIdentity?: string
    leaseDurationSeconds?: number
    acquireTime?: string
    renewTime?: string
    leaseTransitions?: number
  }
}

type Options = Required<LeaseOptions>

/**
 * Leases of a Kubernetes cluster, by the rules of client-go's leader election: a lease may be taken when its record has
 * not changed for as long as it says, by this process's own clock, so that clocks need not agree; and who cannot renew
 * in time stops before another may start.
 * @throws TypeError when the URL cannot be read; Error when a file that it needs is missing
 */
export async function openKubernetesLeases(url: string, options: Options): Promise<Leases> {
  const { api, namespace, release = 'octavo' } = await openKubernetes(url, options.clock)
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
  return electing(
    (name) => stand({ ...options, api, path, name: `${release}-${name}` }),
    options,
    () => api[Symbol.asyncDispose](),
  )
}

type Candidate = Options & { api: KubernetesApi; path: string; name: string }
/** What was seen last, and when by the own clock. */
type Seen = { lease: Lease | undefined; key: string; atMs: number }

function stand(candidate: Candidate): Election {
  let seen: Seen = { lease: undefined, key: '', atMs: Number.NEGATIVE_INFINITY }
  return {
    async take() {
      const taken = await tryTake(candidate, seen)
      seen = taken.seen
      return { isHeld: taken.isHeld, atMs: seen.atMs }
    },
    giveBack: () => giveBack(candidate, seen),
  }
}

/** Renews the lease when it is one's own, takes it when it is free or has run out. */
async function tryTake(candidate: Candidate, before: Seen): Promise<{ isHeld: boolean; seen: Seen }> {
  const { api, path, name, holder, clock, durations } = candidate
  const asked = clock.monotonicMs()
  const lease = await api.get<Lease>(`${path}/${name}`)
  if (lease === undefined) {
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name } }
    const made = await api.send<Lease>('POST', path, { ...body, spec: specOf(candidate, undefined) })
    return { isHeld: true, seen: { lease: made, key: keyOf(made), atMs: asked } }
  }
  const key = keyOf(lease)
  const seen = key === before.key ? before : { lease, key, atMs: clock.monotonicMs() }
  const { holderIdentity = '', leaseDurationSeconds = durations.leaseMs / 1000 } = lease.spec ?? {}
  const hasRunOut = clock.monotonicMs() - seen.atMs >= leaseDurationSeconds * 1000
  if (holderIdentity !== holder && holderIdentity !== '' && !hasRunOut) return { isHeld: false, seen }
  try {
    const taken = await api.send<Lease>('PUT', `${path}/${name}`, {
      ...lease,
      spec: specOf(candidate, lease),
    })
    return { isHeld: true, seen: { lease: taken, key: keyOf(taken), atMs: asked } }
  } catch (error) {
    if (error instanceof KubernetesError && error.isConflict) return { isHeld: false, seen }
    throw error
  }
}

/** The record as it is, so that every renewal is a change. */
const keyOf = ({ metadata }: Lease) => `${metadata.uid}/${metadata.resourceVersion}`

function specOf({ holder, clock, durations }: Candidate, before: Lease | undefined): Lease['spec'] {
  const now = new Date(clock.now()).toISOString().replace('Z', '000Z')
  const isSame = before?.spec?.holderIdentity === holder
  return {
    ...{ holderIdentity: holder, leaseDurationSeconds: Math.ceil(durations.leaseMs / 1000), renewTime: now },
    acquireTime: isSame ? (before.spec?.acquireTime ?? now) : now,
    leaseTransitions: (before?.spec?.leaseTransitions ?? 0) + (isSame || before === undefined ? 0 : 1),
  }
}

async function giveBack({ api, path, name, holder }: Candidate, { lease }: Seen): Promise<void> {
  if (lease === undefined || lease.spec?.holderIdentity !== holder) return
  const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 }
  await api.send('PUT', `${path}/${name}`, { ...lease, spec })
}
