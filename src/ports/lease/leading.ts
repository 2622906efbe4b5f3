import type { Leases } from './lease.ts'

type Work = Parameters<Leases['lead']>[1]

/**
 * Leases over a loop that ends when `over` aborts: each `lead` runs one of its own, and disposing waits for all of them.
 * @param close what is left to do when none runs any more
 */
export function createLeading(
  run: (name: string, work: Work, over: AbortSignal) => Promise<void>,
  close: () => PromiseLike<void> = async () => {},
): Leases {
  const stop = new AbortController()
  const leading = new Set<Promise<void>>()
  return {
    lead(name, work) {
      const own = new AbortController()
      const running = run(name, work, AbortSignal.any([own.signal, stop.signal]))
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
      await close()
    },
  }
}
