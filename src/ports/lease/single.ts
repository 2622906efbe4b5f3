import type { Clock } from '#ports/clock'
import { createLeading } from './leading.ts'
import type { LeaseDurations, Leases } from './lease.ts'

/** Every lease is this process's, from the start to the end. */
export function openSingle(clock: Clock, { retryMs }: LeaseDurations): Leases {
  return createLeading(async (_name, work, over) => {
    while (!over.aborted) {
      // The work tells of its own faults, and is begun again.
      await work(over).catch(() => {})
      await clock.sleep(retryMs, over).catch(() => {})
    }
  })
}
