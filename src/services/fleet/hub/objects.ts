import type { Metadata } from '#ports/kubernetes'

/** The parts of the hub's objects that are read or written here: OCM's public API, and our own two. */
export type Condition = {
  type: string
  status: 'True' | 'False' | 'Unknown'
  observedGeneration?: number
  reason?: string
  message?: string
}

/** cluster.open-cluster-management.io/v1 */
export type ManagedCluster = {
  metadata: Metadata & { deletionTimestamp?: string }
  spec?: {
    hubAcceptsClient?: boolean
    leaseDurationSeconds?: number
    taints?: { key: string; value?: string; effect: string }[]
  }
  status?: { conditions?: Condition[] }
}

/** work.open-cluster-management.io/v1 */
export type ManifestWork = {
  apiVersion?: string
  kind?: string
  metadata: Metadata & { generation?: number; deletionTimestamp?: string }
  spec: {
    workload: { manifests: Manifest[] }
    manifestConfigs?: ManifestConfig[]
    executor?: object
    deleteOption?: { propagationPolicy: 'Orphan' }
  }
  status?: {
    conditions?: Condition[]
    resourceStatus?: { manifests?: ManifestStatus[] }
  }
}
export type Manifest = {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
  }
  [field: string]: unknown
}
export type ManifestConfig = {
  resourceIdentifier: { group: string; resource: string; name: string; namespace: string }
  feedbackRules: { type: 'JSONPaths'; jsonPaths: { name: string; path: string }[] }[]
  conditionRules?: ConditionRule[]
  updateStrategy?: UpdateStrategy
}
export type UpdateStrategy =
  | { type: 'ReadOnly' }
  | { type: 'ServerSideApply'; serverSideApply: { force: boolean; fieldManager: string } }
export type ConditionRule = { condition: string; type: 'CEL'; celExpressions: string[]; message: string }
export type ManifestStatus = {
  resourceMeta?: {
    ordinal?: number
    group?: string
    version?: string
    kind?: string
    resource?: string | undefined
    name?: string
    namespace?: string | undefined
  }
  conditions?: Condition[]
  statusFeedback?: { values?: FeedbackValue[] }
}
export type FeedbackValue = { name: string; fieldValue: { type: string; integer?: number; string?: string } }

/** certificates.k8s.io/v1 */
export type CertificateSigningRequest = {
  metadata: Metadata
  spec: {
    request: string
    username?: string
    signerName: string
    expirationSeconds?: number
    usages?: string[]
  }
  status?: { conditions?: Condition[]; certificate?: string }
}

/** A version and what is put on a cluster for it, in a ConfigMap with this label. */
export type VersionMap = {
  metadata: Metadata
  data?: { version?: string; schemas?: string; manifests?: string }
}

export const versionLabel = 'fleet.octavo.example/version'
export const fleetLabel = 'fleet.octavo.example/fleet'
/** On the ConfigMap of a store that says which turn its databases are in, and on works with it. */
export const epochLabel = 'fleet.octavo.example/epoch'
/** On works that say where a cluster's databases have their primaries. */
export const databasesLabel = 'fleet.octavo.example/databases'
export const drainedTaint = 'fleet.octavo.example/drained'

export const clusterApi = '/apis/cluster.open-cluster-management.io/v1/managedclusters'
export const workApi = '/apis/work.open-cluster-management.io/v1'
export const csrApi = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
export const fleetApi = '/apis/fleet.octavo.example/v1'
/** On certificate requests and clusters, by the registration agent. */
export const clusterNameLabel = 'open-cluster-management.io/cluster-name'

export const conditionOf = (
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined => conditions?.find((each) => each.type === type)
