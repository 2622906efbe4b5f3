import type { Metadata } from '#ports/kubernetes'

/** The parts of Kubernetes' objects that a node reads and writes; see the API reference of v1. */
export type Pod = {
  metadata: Metadata & {
    namespace: string
    uid: string
    deletionTimestamp?: string
    deletionGracePeriodSeconds?: number
  }
  spec: PodSpec
  status?: PodStatus
}

export type PodSpec = {
  nodeName?: string
  serviceAccountName?: string
  restartPolicy?: 'Always' | 'OnFailure' | 'Never'
  terminationGracePeriodSeconds?: number
  securityContext?: { runAsUser?: number; runAsGroup?: number; fsGroup?: number }
  initContainers?: readonly Container[]
  containers: readonly Container[]
  volumes?: readonly Volume[]
}

export type Container = {
  name: string
  image: string
  command?: readonly string[]
  args?: readonly string[]
  env?: readonly EnvVar[]
  envFrom?: readonly { configMapRef?: Reference; secretRef?: Reference }[]
  ports?: readonly { name?: string; containerPort: number }[]
  volumeMounts?: readonly { name: string; mountPath: string; readOnly?: boolean; subPath?: string }[]
  securityContext?: { runAsUser?: number; runAsGroup?: number; readOnlyRootFilesystem?: boolean }
  startupProbe?: Probe
  livenessProbe?: Probe
  readinessProbe?: Probe
  lifecycle?: { preStop?: { sleep?: { seconds: number } } }
}

export type Reference = { name: string; optional?: boolean }
export type EnvVar = {
  name: string
  value?: string
  valueFrom?: {
    fieldRef?: { fieldPath: string }
    secretKeyRef?: Reference & { key: string }
    configMapKeyRef?: Reference & { key: string }
  }
}

export type Probe = {
  httpGet?: { path?: string; port: number | string; scheme?: string }
  tcpSocket?: { port: number | string }
  initialDelaySeconds?: number
  periodSeconds?: number
  timeoutSeconds?: number
  failureThreshold?: number
  successThreshold?: number
}

export type Items = readonly { key: string; path: string }[]
export type Source = {
  secret?: { name?: string; secretName?: string; items?: Items; optional?: boolean }
  configMap?: Reference & { items?: Items }
  downwardAPI?: { items?: readonly { path: string; fieldRef?: { fieldPath: string } }[] }
  serviceAccountToken?: { path: string; expirationSeconds?: number; audience?: string }
}
export type Volume = Source & {
  name: string
  emptyDir?: object
  hostPath?: { path: string }
  persistentVolumeClaim?: { claimName: string }
  projected?: { defaultMode?: number; sources: readonly Source[] }
}

export type Condition = {
  type: string
  status: 'True' | 'False'
  lastTransitionTime?: string
  reason?: string
  message?: string
}
export type ContainerState = {
  waiting?: { reason: string; message?: string }
  running?: { startedAt: string }
  terminated?: { exitCode: number; signal?: number; reason: string; startedAt: string; finishedAt: string }
}
export type ContainerStatus = {
  name: string
  image: string
  imageID: string
  containerID?: string
  ready: boolean
  started: boolean
  restartCount: number
  state: ContainerState
  lastState?: ContainerState
}
export type PodStatus = {
  phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed'
  podIP?: string
  podIPs?: readonly { ip: string }[]
  hostIP?: string
  hostIPs?: readonly { ip: string }[]
  startTime?: string
  reason?: string
  message?: string
  conditions?: readonly Condition[]
  containerStatuses?: readonly ContainerStatus[]
}

export const podPath = ({ metadata: { namespace, name } }: Pod) =>
  `/api/v1/namespaces/${namespace}/pods/${name}`
