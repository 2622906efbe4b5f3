import { adapterFor } from '#kernel/adapters'
import { systemClock } from '#ports/clock'
import { type LeaseOptions, type Leases, usualDurations } from './lease.ts'

type Open = (url: string, options: Required<LeaseOptions>) => Promise<Leases>

const kubernetes: Open = async (url, options) =>
  (await import('./kubernetes.ts')).openKubernetesLeases(url, options)
const single: Open = async (_url, { clock, durations }) =>
  (await import('./single.ts')).openSingle(clock, durations)

/** By the URL's scheme. */
const leaseAdapters: Readonly<Record<string, Open>> = { kubernetes, single }

/**
 * Opens the adapter that the URL's scheme names: `kubernetes://host:port/namespace/release` (Leases of a cluster), or
 * `single:` where there is no other process.
 * @throws TypeError when the URL names no adapter or cannot be read
 */
export async function openLeases(url: string, options: LeaseOptions): Promise<Leases> {
  const all = { clock: systemClock, durations: usualDurations, ...options }
  return await adapterFor(url, 'lease', leaseAdapters)(url, all)
}

export { advanceFence, type Fence, holdFence, LostFence, takeFence } from './fence.ts'
export type { LeaseDurations, LeaseOptions, Leases } from './lease.ts'
export { inRounds, openTurns, type Turns } from './turns.ts'
