import type { Clock } from '#ports/clock'

/** Reads things again soon after a hint, and now and then without one; each at most once at a time. */
export type ReadQueue = Disposable & { soon(key: string): void }

export type ReadQueueOptions = {
  /** What should be read now and then. */
  keys: () => Iterable<string>
  /** Reads one; a failure is made good by the next round. */
  read: (key: string) => Promise<void>
}

const activeMax = 32
const rereadAfterMs = 5_000
const tickMs = 1_000
/** However many are watched, reading them without a hint costs no more than this. */
const rereadsPerTickMax = 50

export function createReadQueue(clock: Clock, { keys, read }: ReadQueueOptions): ReadQueue {
  const waiting = new Set<string>()
  const active = new Set<string>()
  const readMs = new Map<string, number>()
  let isClosed = false
  const run = () => {
    for (const key of waiting) {
      if (active.size >= activeMax || isClosed) return
      if (active.has(key)) continue
      waiting.delete(key)
      active.add(key)
      readMs.set(key, clock.monotonicMs())
      read(key)
        // The page keeps what it has, and is read again in a few seconds.
        .catch(() => {})
        .finally(() => {
          active.delete(key)
          run()
        })
    }
  }
  const ticking = setInterval(() => {
    const due = clock.monotonicMs() - rereadAfterMs
    const now = new Set(keys())
    for (const key of readMs.keys()) if (!now.has(key)) readMs.delete(key)
    let left = rereadsPerTickMax
    for (const key of now) {
      if (!readMs.has(key)) readMs.set(key, clock.monotonicMs())
      if ((readMs.get(key) ?? 0) > due || left-- <= 0) continue
      waiting.add(key)
    }
    run()
  }, tickMs)
  ticking.unref()
  return {
    soon(key) {
      waiting.add(key)
      run()
    },
    [Symbol.dispose]() {
      isClosed = true
      clearInterval(ticking)
    },
  }
}
