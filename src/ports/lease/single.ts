import type { Clock } from '#ports/clock'
import type { LeaseDurations, Leases } from './lease.ts'

/** Every lease is this process's, from the start to the end. */
export function openSingle(clock: Clock, { retryMs }: LeaseDurations): Leases {
  const stop = new AbortController()
  const leading = new Set<Promise<void>>()
  return {
    lead(_name, work) {
      const own = new AbortController()
      const over = AbortSignal.any([own.signal, stop.signal])
      const running = (async () => {
        while (!over.aborted) {
          // The work tells of its own faults, and is begun again.
          await work(over).catch(() => {})
          await clock.sleep(retryMs, over).catch(() => {})
        }
      })()
      leading.add(running)
      return {
        async [Symbol.asyncDispose]() {
          own.abort()
          await running
          leading.delete(running)
        },
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.all(leading)
    },
  }
}
