/** A Kubernetes API server: objects by their paths, what changes among them, and a collection kept up to date. */
export {
  type KubernetesApi,
  KubernetesError,
  type KubernetesOptions,
  KubernetesUnavailable,
  type Metadata,
  openKubernetes,
  type PatchType,
  type WatchEvent,
} from './api.ts'
export { type Follower, follow } from './follow.ts'
export { type KubernetesPlace, readKubernetesUrl } from './place.ts'
