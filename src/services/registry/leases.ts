import type { Instance } from '#ports/discovery'
import { leaseMs } from './contract.ts'

/** The registry's memory: who holds a lease, and a revision that changes whenever the answer to "who is there" does. */
export type Leases = {
  readonly revision: string
  upMs(nowMs: number): number
  list(): Instance[]
  renew(instance: Instance, nowMs: number): void
  /** @returns whether there was such a lease */
  end(service: string, id: string): boolean
  /** Drops the leases that were not renewed in time; call it more than once per lease. */
  expire(nowMs: number): void
}

/** Instances that may be registered at once; far above any real set-up. */
const instancesMax = 2_000
/** A registry that slept this long between two looks at its clock did not hear the heartbeats meanwhile. */
const sleptMs = leaseMs / 2

/**
 * Time is passed in (milliseconds that never run backwards).
 * @param start tells this registry's revisions from those of the one before it
 */
export function createLeases(start: string, startedMs: number, onChange: () => void): Leases {
  const leases = new Map<string, { instance: Instance; endsMs: number }>()
  let counter = 0
  let isComplete = false
  let lookedMs = startedMs
  const changed = () => {
    counter++
    onChange()
  }
  return {
    get revision() {
      return `${start}.${counter}`
    },
    upMs: (nowMs) => Math.floor(nowMs - startedMs),
    list: () => [...leases.values()].map((lease) => lease.instance),
    renew(instance, nowMs) {
      const key = `${instance.service}/${instance.id}`
      const before = leases.get(key)
      if (before === undefined && leases.size >= instancesMax) return
      leases.set(key, { instance, endsMs: nowMs + leaseMs })
      if (before?.instance.url !== instance.url || before.instance.version !== instance.version) changed()
    },
    end(service, id) {
      const ended = leases.delete(`${service}/${id}`)
      if (ended) changed()
      return ended
    },
    expire(nowMs) {
      const gapMs = nowMs - lookedMs
      lookedMs = nowMs
      if (gapMs > sleptMs) for (const lease of leases.values()) lease.endsMs += gapMs
      const before = leases.size
      for (const [key, lease] of leases) if (lease.endsMs <= nowMs) leases.delete(key)
      // Whoever was told "this list may be incomplete" is told again once it is complete.
      const completes = !isComplete && nowMs - startedMs >= leaseMs
      if (completes) isComplete = true
      if (completes || leases.size < before) changed()
    },
  }
}
