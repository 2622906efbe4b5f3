import { hostname } from 'node:os'
import { Unavailable } from '#kernel/unavailable'
import { type Clock, systemClock } from '#ports/clock'
import type { Database } from '#ports/database'
import { logger } from '#ports/log'
import { openDatabaseLeases } from './database.ts'
import { type Fence, LostFence, takeFence } from './fence.ts'
import { type LeaseDurations, type Leases, usualDurations } from './lease.ts'

const log = logger('turns')

/** What a service does in one process at a time: a lease says whose turn it is, the database counts the turns. */
export type Turns = AsyncDisposable & {
  /**
   * Does `work` whenever it is this process's turn, until disposed. `lost` aborts as soon as it may be another's; what
   * it writes has to hold the fence. Work that fails is logged, and begun again in another turn.
   */
  take(name: string, work: (fence: Fence, lost: AbortSignal) => Promise<void>): AsyncDisposable
}

export type TurnsOptions = {
  /** Where the roles find each other: in a Kubernetes cluster its Leases are taken, elsewhere those of the database. */
  discoveryUrl: string
  /** Counts the turns. */
  database: Database
  /** Of the tables `fences` and `leases`. */
  schema: string
  clock?: Clock
  durations?: LeaseDurations
  /** Unique to this process. */
  holder?: string
}

/** In a database a renewal is a write, so there are few. */
const databaseDurations: LeaseDurations = { leaseMs: 15_000, renewMs: 10_000, retryMs: 4_000 }

/** Opens the turns of one service. @throws what opening a cluster's leases does */
export async function openTurns(options: TurnsOptions): Promise<Turns> {
  const { database, schema, clock = systemClock } = options
  const holder = options.holder ?? `${hostname()}_${clock.uuid()}`
  const leases = await leasesOf(options, holder)
  return {
    take: (name, work) =>
      leases.lead(name, async (lost) => {
        try {
          const fence = await takeFence(database, schema, name, holder)
          log.debug('begins a turn', { name, turn: fence.number })
          await work(fence, lost)
        } catch (error) {
          if (error instanceof LostFence) log.info('has lost its turn', { name, reason: error.message })
          // A database that is away has its own alarms; another turn begins when it is back.
          else if (error instanceof Unavailable) log.debug('a turn ended', { name, error })
          else log.warn('a turn failed', { name, error })
        }
      }),
    [Symbol.asyncDispose]: () => leases[Symbol.asyncDispose](),
  }
}

async function leasesOf(options: TurnsOptions, holder: string): Promise<Leases> {
  const { discoveryUrl, database, schema, clock = systemClock, durations } = options
  if (!discoveryUrl.startsWith('kubernetes:'))
    return openDatabaseLeases(database, schema, { holder, clock, durations: durations ?? databaseDurations })
  const { openKubernetesLeases } = await import('./kubernetes.ts')
  return await openKubernetesLeases(discoveryUrl, { holder, clock, durations: durations ?? usualDurations })
}

/**
 * Rounds of a turn: one after the other with `everyMs` between, until the turn is lost. A round that fails is made up for
 * by the next one; one that is out of turn ends them. @throws LostFence
 */
export async function inRounds(
  clock: Pick<Clock, 'sleep'>,
  everyMs: number,
  lost: AbortSignal,
  round: () => Promise<unknown>,
): Promise<void> {
  while (!lost.aborted) {
    await round().catch((error: unknown) => {
      if (error instanceof LostFence) throw error
      log.debug('a round failed', { error })
    })
    // Called off by the end.
    await clock.sleep(everyMs, lost).catch(() => {})
  }
}
