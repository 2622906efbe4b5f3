import type { Clock } from '#ports/clock'
import type { Metadata } from './api.ts'
import { openKubernetes } from './cluster.ts'
import { follow } from './follow.ts'

export type NamedOptions<T> = {
  /** Where such objects are, such as `/api/v1`. */
  group: string
  /** What they are, in the plural of their paths. */
  resource: string
  /** Where the URL names none. */
  usualName: string
  clock: Clock
  /** Hears of the object first and whenever it changes. One that is gone is not told: what it said last stands. */
  changed(object: T): void
}

/**
 * Follows one object of a cluster, the one that a URL names: `kubernetes://host:port/namespace/name`.
 * @returns `first` is over when it was looked for once; closing ends it
 * @throws as `openKubernetes`
 */
export async function followNamed<T extends { metadata: Metadata }>(
  url: string,
  { group, resource, usualName, clock, changed }: NamedOptions<T>,
): Promise<AsyncDisposable & { first: Promise<void> }> {
  const { api, namespace, release = usualName } = await openKubernetes(url, clock)
  const stop = new AbortController()
  const { promise: first, resolve } = Promise.withResolvers<void>()
  const replace = (objects: readonly T[]) => {
    objects.forEach(changed)
    resolve()
  }
  const path = `${group}/namespaces/${namespace}/${resource}?fieldSelector=metadata.name%3D${release}`
  const following = follow<T>(api, path, { replace, changed, gone() {} }, clock, stop.signal)
  return {
    first,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await following
      await api[Symbol.asyncDispose]()
    },
  }
}
