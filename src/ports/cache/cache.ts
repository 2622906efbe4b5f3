/**
 * A shared cache: entries that anybody may lose at any time. What it holds is for display alone.
 *
 * No call rejects and none takes longer than its deadline: a cache that is away reads as an empty one. So a dead cache
 * costs speed and not correctness.
 */
export type Cache = AsyncDisposable & {
  /** The entry, or `undefined` when there is none, when it has ended, or when nobody answers in time. */
  read(key: string): Promise<Uint8Array | undefined>
  /** Keeps an entry for `ttlMs`, if it can. */
  write(key: string, value: Uint8Array, ttlMs: number): Promise<void>
  evict(keys: readonly string[]): Promise<void>
  /**
   * Lets one asker of many do something for the next `ttlMs`.
   * @returns whether that is the caller; also true when nobody answers, because then everybody must help themselves
   */
  claim(key: string, ttlMs: number): Promise<boolean>
  /**
   * Adds to counters that all askers share; each begins anew when nobody has added to it for `ttlMs`.
   * @returns what each stands at by then, in the order of `added`; `undefined` where nobody answers in time
   */
  count(
    added: readonly (readonly [key: string, by: number])[],
    ttlMs: number,
  ): Promise<(number | undefined)[]>
  /** The nodes as this process sees them, for metrics. */
  nodes(): readonly CacheNode[]
}

export type CacheNode = { name: string; isUp: boolean; reads: number }

export type CacheOptions = {
  /** Upper bound for one command at one node. */
  deadlineMs?: number
}

/** In one network a node answers within a millisecond; what takes this long is quicker made anew. */
export const deadlineMsDefault = 75

/** Entries are whole answers. */
export const entryBytesMax = 4 * 1024 * 1024
