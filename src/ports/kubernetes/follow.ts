import { backoffMs } from '#kernel/backoff'
import type { Clock } from '#ports/clock'
import { logger } from '#ports/log'
import { type KubernetesApi, KubernetesError, type Metadata } from './api.ts'

type Listed<T> = { metadata: { resourceVersion: string; continue?: string }; items: T[] }
type Object = { metadata: Metadata }

export type Follower<T> = {
  /** Everything there is; what was known before and is not in it is gone. */
  replace(objects: readonly T[]): void
  changed(object: T): void
  gone(object: T): void
}

const pageSize = 500
const retryMinMs = 50
const retryMaxMs = 5_000
/** One failure is a server that starts again; after so many in a row somebody should know. */
const toldAfter = 3

const log = logger('kubernetes')

/**
 * Lists a collection and watches it from there, for as long as `signal` allows. Bookmarks carry the version forward
 * while nothing changes; a version that the server has forgotten makes a new list; everything else that goes wrong is
 * tried again with backoff, and meanwhile what is known stays known.
 * Source: client-go's reflector.
 * @param path of the collection, with its selectors
 */
export async function follow<T extends Object>(
  api: KubernetesApi,
  path: string,
  follower: Follower<T>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let version: string | undefined
  let failures = 0
  while (!signal.aborted) {
    try {
      if (version === undefined) {
        const listed = await list<T>(api, path)
        version = listed.version
        follower.replace(listed.items)
      }
      for await (const { type, object } of api.watch<T>(path, version, signal)) {
        version = object.metadata.resourceVersion ?? version
        if (failures >= toldAfter) log.info('what changes in the cluster is heard again', { path })
        failures = 0
        if (type === 'DELETED') follower.gone(object)
        else if (type !== 'BOOKMARK') follower.changed(object)
      }
      // It ended by itself, as watches do: go on from there. The pause bounds a server that ends each at once.
      await pause(clock, retryMinMs, signal)
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof KubernetesError && error.isGone) version = undefined
      if (++failures === toldAfter)
        log.warn('what changes in the cluster is not heard; what is known stays', { path, error })
      await pause(clock, retryMinMs + backoffMs(failures - 1, clock.random(), 200, retryMaxMs), signal)
    }
  }
}

async function list<T>(api: KubernetesApi, path: string): Promise<{ items: T[]; version: string }> {
  const items: T[] = []
  const base = `${path}${path.includes('?') ? '&' : '?'}limit=${pageSize}`
  let next = base
  for (;;) {
    const page = await api.get<Listed<T>>(next)
    if (page === undefined) throw new KubernetesError(404, 'NotFound', `there is no ${path}`)
    items.push(...page.items)
    if (!page.metadata.continue) return { items, version: page.metadata.resourceVersion }
    next = `${base}&continue=${encodeURIComponent(page.metadata.continue)}`
  }
}

/** Sleeps, or returns at once when told to stop. */
// The sleep is called off by the end.
const pause = (clock: Clock, ms: number, signal: AbortSignal) => clock.sleep(ms, signal).catch(() => {})
