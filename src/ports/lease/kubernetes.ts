import {
  type KubernetesApi,
  KubernetesError,
  type Metadata,
  openKubernetes,
  readKubernetesUrl,
} from '#ports/kubernetes'
import { createLeading } from './leading.ts'
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
  const { host, token, ca, namespace, release = 'octavo' } = await readKubernetesUrl(url)
  const api = await openKubernetes({
    ...{ url: `https://${host}`, caPath: ca, tokenPath: token, clock: options.clock },
  })
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
  return createLeading(
    (name, work, over) => keepTrying({ ...options, api, path, name: `${release}-${name}` }, work, over),
    () => api[Symbol.asyncDispose](),
  )
}

type Election = Options & { api: KubernetesApi; path: string; name: string }
/** What was seen last, and when by the own clock. */
type Seen = { lease: Lease | undefined; key: string; atMs: number }

async function keepTrying(
  election: Election,
  work: (lost: AbortSignal) => Promise<void>,
  over: AbortSignal,
): Promise<void> {
  const { clock, durations } = election
  let seen: Seen = { lease: undefined, key: '', atMs: Number.NEGATIVE_INFINITY }
  while (!over.aborted) {
    // An API server that is away is asked again; until then nobody leads here.
    const held = await tryTake(election, seen).catch(() => ({ isHeld: false, seen }))
    seen = held.seen
    if (held.isHeld) await leadOnce(election, seen, work, over)
    // Some apart, so that not all try at one moment.
    await clock.sleep(durations.retryMs * (1 + 0.2 * clock.random()), over).catch(() => {})
  }
}

/** Works while it renews; gives the lease back when the work is over, so that the next one needs not wait. */
async function leadOnce(
  election: Election,
  taken: Seen,
  work: (lost: AbortSignal) => Promise<void>,
  over: AbortSignal,
): Promise<void> {
  const { clock, durations } = election
  const lost = new AbortController()
  const done = new AbortController()
  const until = AbortSignal.any([over, lost.signal, done.signal])
  const renewing = (async () => {
    let seen = taken
    for (let renewedMs = taken.atMs; !until.aborted; ) {
      // Called off when it is over, which is looked at next.
      await clock.sleep(durations.retryMs, until).catch(() => {})
      if (until.aborted) return seen
      // Not renewed: the time that has passed decides, below.
      const next = await tryTake(election, seen).catch(() => undefined)
      if (next?.isHeld) renewedMs = next.seen.atMs
      if (next) seen = next.seen
      // Read after the answer: a process that was frozen while it waited for one finds out here.
      const isOthers = next !== undefined && !next.isHeld
      if (isOthers || clock.monotonicMs() - renewedMs >= durations.renewMs) lost.abort()
    }
    return seen
  })()
  // The work tells of its own faults; here it has only ended.
  await work(AbortSignal.any([over, lost.signal])).catch(() => {})
  done.abort()
  const last = await renewing
  // One that cannot be given back runs out.
  if (!lost.signal.aborted) await giveBack(election, last).catch(() => {})
}

/** Renews the lease when it is one's own, takes it when it is free or has run out. */
async function tryTake(election: Election, before: Seen): Promise<{ isHeld: boolean; seen: Seen }> {
  const { api, path, name, holder, clock, durations } = election
  const asked = clock.monotonicMs()
  const lease = await api.get<Lease>(`${path}/${name}`)
  if (lease === undefined) {
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name } }
    const made = await api.send<Lease>('POST', path, { ...body, spec: specOf(election, undefined) })
    return { isHeld: true, seen: { lease: made, key: keyOf(made), atMs: asked } }
  }
  const key = keyOf(lease)
  const seen = key === before.key ? before : { lease, key, atMs: clock.monotonicMs() }
  const { holderIdentity = '', leaseDurationSeconds = durations.leaseMs / 1000 } = lease.spec ?? {}
  const hasRunOut = clock.monotonicMs() - seen.atMs >= leaseDurationSeconds * 1000
  if (holderIdentity !== holder && holderIdentity !== '' && !hasRunOut) return { isHeld: false, seen }
  try {
    const taken = await api.send<Lease>('PUT', `${path}/${name}`, { ...lease, spec: specOf(election, lease) })
    return { isHeld: true, seen: { lease: taken, key: keyOf(taken), atMs: asked } }
  } catch (error) {
    if (error instanceof KubernetesError && error.isConflict) return { isHeld: false, seen }
    throw error
  }
}

/** The record as it is, so that every renewal is a change. */
const keyOf = ({ metadata }: Lease) => `${metadata.uid}/${metadata.resourceVersion}`

function specOf({ holder, clock, durations }: Election, before: Lease | undefined): Lease['spec'] {
  const now = new Date(clock.now()).toISOString().replace('Z', '000Z')
  const isSame = before?.spec?.holderIdentity === holder
  return {
    ...{ holderIdentity: holder, leaseDurationSeconds: Math.ceil(durations.leaseMs / 1000), renewTime: now },
    acquireTime: isSame ? (before.spec?.acquireTime ?? now) : now,
    leaseTransitions: (before?.spec?.leaseTransitions ?? 0) + (isSame || before === undefined ? 0 : 1),
  }
}

async function giveBack({ api, path, name, holder }: Election, { lease }: Seen): Promise<void> {
  if (lease === undefined || lease.spec?.holderIdentity !== holder) return
  const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 }
  await api.send('PUT', `${path}/${name}`, { ...lease, spec })
}
