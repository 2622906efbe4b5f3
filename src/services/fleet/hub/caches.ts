import type { Clock } from '#ports/clock'
import { follow, type KubernetesApi, type Metadata } from '#ports/kubernetes'
import type { BookstoreFleet } from './fleet-object.ts'
import {
  type CertificateSigningRequest,
  clusterApi,
  csrApi,
  databasesLabel,
  fleetApi,
  fleetLabel,
  type ManagedCluster,
  type ManifestWork,
  type VersionMap,
  versionLabel,
  workApi,
} from './objects.ts'

/** The hub's objects that decisions are made of, kept up to date. */
export type Caches = AsyncDisposable & {
  fleet(): BookstoreFleet | undefined
  clusters(): readonly ManagedCluster[]
  works(): readonly ManifestWork[]
  requests(): readonly CertificateSigningRequest[]
  versions(): readonly VersionMap[]
  /** Paths of what has not been listed yet: nothing is decided before. */
  unread(): string[]
}

export function openCaches(
  api: KubernetesApi,
  { namespace, name }: { namespace: string; name: string },
  clock: Clock,
  wake: () => void,
): Caches {
  const stop = new AbortController()
  const running: Promise<void>[] = []
  const collections: { path: string; isListed: boolean }[] = []
  const cache = <T extends { metadata: Metadata }>(path: string) => {
    const known = new Map<string, T>()
    const collection = { path, isListed: false }
    collections.push(collection)
    const keyOf = ({ metadata }: T) => `${metadata.namespace ?? ''}/${metadata.name}`
    const follower = {
      replace(objects: readonly T[]) {
        known.clear()
        for (const each of objects) known.set(keyOf(each), each)
        collection.isListed = true
        wake()
      },
      changed(object: T) {
        known.set(keyOf(object), object)
        wake()
      },
      gone(object: T) {
        known.delete(keyOf(object))
        wake()
      },
    }
    running.push(follow<T>(api, path, follower, clock, stop.signal))
    return () => [...known.values()]
  }
  const fleets = cache<BookstoreFleet>(
    `${fleetApi}/namespaces/${namespace}/bookstorefleets?fieldSelector=metadata.name%3D${name}`,
  )
  const caches = {
    clusters: cache<ManagedCluster>(clusterApi),
    // All works count: rights last while there is any, and somebody may have put one there by hand.
    works: cache<ManifestWork>(`${workApi}/manifestworks`),
    requests: cache<CertificateSigningRequest>(csrApi),
    versions: cache<VersionMap>(
      `/api/v1/namespaces/${namespace}/configmaps?labelSelector=${encodeURIComponent(versionLabel)}`,
    ),
  }
  return {
    ...caches,
    fleet: () => fleets()[0],
    unread: () => collections.flatMap(({ path: at, isListed }) => (isListed ? [] : [at])),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.all(running)
    },
  }
}

/** The one of this fleet that says where the databases of a cluster have their primaries. */
export const databasesWorkOn = (
  works: readonly ManifestWork[],
  fleet: string,
  cluster: string,
): ManifestWork | undefined =>
  works.find(({ metadata }) => metadata.namespace === cluster && metadata.labels?.[databasesLabel] === fleet)

/** The one of this fleet on a cluster. */
export const workOn = (
  works: readonly ManifestWork[],
  fleet: string,
  cluster: string,
): ManifestWork | undefined =>
  works.find(({ metadata }) => metadata.namespace === cluster && metadata.labels?.[fleetLabel] === fleet)
