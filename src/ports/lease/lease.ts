import type { Clock } from '#ports/clock'

/**
 * What must be done by one process at a time. A lease says who should be at it; because a process that was frozen does
 * not know that it has lost one, every write of it carries a fence that the database checks.
 */
export type Leases = AsyncDisposable & {
  /**
   * Does `work` whenever this process holds the lease `name`, again and again until disposed. `lost` aborts as soon as
   * the lease may be another's; work that throws or returns gives the lease back and waits for its turn.
   * @param name lower-case letters, digits and hyphens
   */
  lead(name: string, work: (lost: AbortSignal) => Promise<void>): AsyncDisposable
}

export type LeaseOptions = {
  /** Unique to this process. */
  holder: string
  clock?: Clock
  durations?: LeaseDurations
}

/** As in client-go: a lease that nobody renewed for `leaseMs` may be taken; its holder stops after `renewMs`. */
export type LeaseDurations = { leaseMs: number; renewMs: number; retryMs: number }

export const usualDurations: LeaseDurations = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 }
