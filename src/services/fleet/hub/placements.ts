import type { KubernetesApi, Metadata } from '#ports/kubernetes'
import { logger } from '#ports/log'

type Decision = { metadata: Metadata; status?: { decisions?: { clusterName?: string }[] } }
type Score = {
  metadata: Metadata
  status?: { scores?: { name: string; value: number }[]; validUntil?: string }
}

const log = logger('fleet')
const api1 = '/apis/cluster.open-cluster-management.io/v1beta1'
const scoreApi = '/apis/cluster.open-cluster-management.io/v1alpha1'
const placementLabel = 'cluster.open-cluster-management.io/placement'
const askEveryMs = 5_000
/** Named by a Placement's prioritizer: `scoreCoordinate: { type: AddOn, addOn: { resourceName: octavo, scoreName: headroom } }`. */
const scoreResource = 'octavo'
const scoreName = 'headroom'

export type Placements = {
  /** Clusters that OCM's scheduler has chosen, in its order; undefined where nobody asks it, or it cannot say. */
  ask(namespace: string, placement: string): Promise<readonly string[] | undefined>
}

export function openPlacements(api: KubernetesApi, nowMs: () => number): Placements {
  let last: readonly string[] | undefined
  let askedMs = Number.NEGATIVE_INFINITY
  return {
    async ask(namespace, placement) {
      if (placement === '') return undefined
      if (nowMs() - askedMs < askEveryMs) return last
      askedMs = nowMs()
      const of = encodeURIComponent(`${placementLabel}=${placement}`)
      const path = `${api1}/namespaces/${namespace}/placementdecisions?labelSelector=${of}`
      // Whoever decides on databases does not wait for OCM's scheduler.
      const found = await api.get<{ items: Decision[] }>(path).catch((error: unknown) => {
        log.warn('a placement cannot be read, and its order is left out', { placement, error })
        return undefined
      })
      last = found?.items.flatMap(({ status }) =>
        (status?.decisions ?? []).flatMap(({ clusterName }) => (clusterName ? [clusterName] : [])),
      )
      return last
    },
  }
}

/** @throws KubernetesError */
export async function writeScore(
  api: KubernetesApi,
  cluster: string,
  value: number,
  validUntilMs: number,
): Promise<void> {
  const path = `${scoreApi}/namespaces/${cluster}/addonplacementscores`
  const before =
    (await api.get<Score>(`${path}/${scoreResource}`)) ??
    (await api.send<Score>('POST', path, {
      ...{ apiVersion: 'cluster.open-cluster-management.io/v1alpha1', kind: 'AddOnPlacementScore' },
      metadata: { name: scoreResource },
    }))
  const validUntil = `${new Date(validUntilMs).toISOString().slice(0, 19)}Z`
  const status = { ...before.status, scores: [{ name: scoreName, value }], validUntil }
  await api.send('PUT', `${path}/${scoreResource}/status`, { ...before, status })
}
