import { type KubernetesApi, KubernetesError, type Metadata } from '#ports/kubernetes'
import { readCertificateRequest } from '../../../src/services/fleet/hub/certificate-request.ts'
import {
  type CertificateSigningRequest,
  clusterApi,
  clusterNameLabel,
  conditionOf,
  csrApi,
  type ManagedCluster,
  type ManifestWork,
  workApi,
} from '../../../src/services/fleet/hub/objects.ts'

const rbac = '/apis/rbac.authorization.k8s.io/v1'
export const groupOf = (cluster: string) => `system:open-cluster-management:${cluster}`

type Rule = { apiGroups: string[]; resources: string[]; verbs: string[]; resourceNames?: string[] }

/** Who has not been accepted: may ask for a certificate and announce itself, and no more. */
export const bootstrapRules: readonly Rule[] = [
  {
    apiGroups: ['certificates.k8s.io'],
    resources: ['certificatesigningrequests'],
    verbs: ['create', 'get', 'list', 'watch'],
  },
  {
    apiGroups: ['cluster.open-cluster-management.io'],
    resources: ['managedclusters'],
    verbs: ['get', 'create', 'list', 'watch'],
  },
  {
    apiGroups: ['cluster.open-cluster-management.io'],
    resources: ['managedclustersets/join'],
    verbs: ['create'],
  },
]

const registrationRules: readonly Rule[] = [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
]
const workRules: readonly Rule[] = [
  {
    apiGroups: ['work.open-cluster-management.io'],
    resources: ['manifestworks', 'manifestworks/status', 'manifestworks/finalizers'],
    verbs: ['get', 'list', 'watch', 'update', 'patch'],
  },
]

/** Makes an object, or leaves the one that is there. */
export async function make(api: KubernetesApi, path: string, object: object): Promise<void> {
  try {
    await api.send('POST', path, object)
  } catch (error) {
    if (!(error instanceof KubernetesError && error.isConflict)) throw error
  }
}

export async function remove(api: KubernetesApi, path: string): Promise<void> {
  try {
    await api.send('DELETE', path)
  } catch (error) {
    if (!(error instanceof KubernetesError && error.status === 404)) throw error
  }
}

/**
 * One look of the hub's registration controller at one cluster, as OCM v1.3.1 was measured: no rights before acceptance;
 * taken back, the lease's rights go at once, and those on works stay for as long as there is a work.
 */
export async function reconcileCluster(
  api: KubernetesApi,
  cluster: ManagedCluster,
  works: readonly ManifestWork[],
): Promise<void> {
  const { name } = cluster.metadata
  const bindings = `${rbac}/namespaces/${name}/rolebindings`
  const hasWorks = works.some(({ metadata }) => metadata.namespace === name)
  if (cluster.spec?.hubAcceptsClient === true) {
    await make(api, '/api/v1/namespaces', { metadata: { name } })
    await bind(api, name, 'registration', registrationRules)
    await bind(api, name, 'work', workRules)
    await make(api, `${rbac}/clusterroles`, {
      metadata: { name: `open-cluster-management:managedcluster:${name}` },
      rules: [
        {
          apiGroups: ['cluster.open-cluster-management.io'],
          resources: ['managedclusters', 'managedclusters/status'],
          verbs: ['get', 'list', 'watch', 'update', 'patch'],
          resourceNames: [name],
        },
      ],
    })
    await make(api, `${rbac}/clusterrolebindings`, {
      ...binding(`open-cluster-management:managedcluster:${name}`, name, 'ClusterRole'),
    })
    return
  }
  await remove(api, `${bindings}/open-cluster-management:registration`)
  await remove(api, `${rbac}/clusterrolebindings/open-cluster-management:managedcluster:${name}`)
  if (!hasWorks) await remove(api, `${bindings}/open-cluster-management:work`)
}

async function bind(
  api: KubernetesApi,
  cluster: string,
  what: string,
  rules: readonly Rule[],
): Promise<void> {
  const name = `open-cluster-management:${what}`
  await make(api, `${rbac}/namespaces/${cluster}/roles`, { metadata: { name }, rules })
  await make(api, `${rbac}/namespaces/${cluster}/rolebindings`, binding(name, cluster, 'Role'))
}

const binding = (name: string, cluster: string, kind: string) => ({
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
  subjects: [{ kind: 'Group', name: groupOf(cluster), apiGroup: 'rbac.authorization.k8s.io' }],
})

/** Only a request with the requester's own exact name is approved by itself: a renewal. */
export async function approveRenewals(
  api: KubernetesApi,
  requests: readonly CertificateSigningRequest[],
): Promise<void> {
  for (const request of requests) {
    const { metadata, spec, status } = request
    if (metadata.labels?.[clusterNameLabel] === undefined || (status?.conditions ?? []).length > 0) continue
    if (readCertificateRequest(spec.request).commonName !== spec.username) continue
    const condition = { type: 'Approved', status: 'True', reason: 'AutoApprovedByHubCSRApprovingController' }
    await api.send('PUT', `${csrApi}/${metadata.name}/approval`, {
      ...request,
      status: { conditions: [condition] },
    })
  }
}

/** A cluster whose lease was not renewed for five of its durations is not known any more, and tainted. */
export async function reconcileLease(
  api: KubernetesApi,
  cluster: ManagedCluster,
  nowMs: number,
): Promise<void> {
  if (!cluster.spec?.hubAcceptsClient) return
  const { name } = cluster.metadata
  const lease = await api.get<{ spec?: { renewTime?: string } }>(
    `/apis/coordination.k8s.io/v1/namespaces/${name}/leases/managed-cluster-lease`,
  )
  if (lease?.spec?.renewTime === undefined) return
  const limitMs = 5_000 * (cluster.spec.leaseDurationSeconds ?? 60)
  const isLost = nowMs - Date.parse(lease.spec.renewTime) > limitMs
  const available = cluster.status?.conditions?.find(
    ({ type }) => type === 'ManagedClusterConditionAvailable',
  )
  if (!isLost || available?.status === 'Unknown') return
  await setAvailable(api, name, 'Unknown')
  const taints = [
    ...(cluster.spec.taints ?? []).filter(({ key }) => !key.endsWith('/unreachable')),
    { key: 'cluster.open-cluster-management.io/unreachable', effect: 'NoSelect' },
  ]
  await api.send('PATCH', `${clusterApi}/${name}`, { spec: { taints } })
}

export async function setAvailable(api: KubernetesApi, name: string, status: string): Promise<void> {
  const condition = {
    ...{ type: 'ManagedClusterConditionAvailable', status, reason: 'StandIn', message: status },
    lastTransitionTime: new Date().toISOString(),
  }
  await api.send('PATCH', `${clusterApi}/${name}/status`, { status: { conditions: [condition] } })
}

export const worksOf = (cluster: string) => `${workApi}/namespaces/${cluster}/manifestworks`
export type Named = { metadata: Metadata }

/** What the hub has of a work by the rule that comes with it, at the generation that it has. */
export function saysItIsDone({ metadata, status }: ManifestWork): boolean {
  const found = conditionOf(status?.conditions, 'Progressing')
  return found?.status === 'False' && found.observedGeneration === metadata.generation
}
