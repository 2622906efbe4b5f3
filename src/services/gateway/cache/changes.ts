/** What this process has heard of changes, so that no answer is kept that was asked for before one of them. */
export type Changes = {
  /** Notes that what `tags` stand for has changed just now. */
  note(tags: readonly string[]): void
  /** Notes that anything may have changed. */
  noteAll(): void
  /** Whether an answer with these tags that was asked for at `sinceMs` may tell of what was before a change. */
  hasChanged(tags: readonly string[], sinceMs: number): boolean
}

/** Changes older than any answer that could still be on its way, or be fresh, are of no interest. */
const rememberedMs = 30_000
const rememberedMax = 50_000

/** @param nowMs ms since 1970, as `madeAtMs` of entries */
export function createChanges(nowMs: () => number): Changes {
  const changed = new Map<string, number>()
  let allMs = Number.NEGATIVE_INFINITY

  const forgetOld = () => {
    const oldestMs = nowMs() - rememberedMs
    for (const [tag, atMs] of changed) {
      if (atMs >= oldestMs && changed.size <= rememberedMax) break
      // One that is forgotten too early must count for everything from then on.
      if (atMs >= oldestMs) allMs = Math.max(allMs, atMs)
      changed.delete(tag)
    }
  }

  return {
    note(tags) {
      const now = nowMs()
      for (const tag of tags) {
        changed.delete(tag)
        changed.set(tag, now)
      }
      forgetOld()
    },
    noteAll() {
      allMs = nowMs()
      changed.clear()
    },
    hasChanged(tags, sinceMs) {
      return allMs >= sinceMs || tags.some((tag) => (changed.get(tag) ?? Number.NEGATIVE_INFINITY) >= sinceMs)
    },
  }
}
