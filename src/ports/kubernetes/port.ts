/** A Kubernetes API server: objects by their paths, what changes among them, and a collection kept up to date. */
export {
  type ApiServerOptions,
  type KubernetesApi,
  KubernetesError,
  KubernetesUnavailable,
  type Metadata,
  openApiServer,
  type PatchType,
  type WatchEvent,
} from './api.ts'
export { type KubernetesCluster, openKubernetes } from './cluster.ts'
export { type Follower, follow } from './follow.ts'
export { followNamed } from './follow-named.ts'
