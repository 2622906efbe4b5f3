import type { BreakerState, TripReason } from '#kernel/circuit-breaker'
import type { Latency } from '#kernel/latency-outliers'
import type { Pool } from '#ports/connections'
import type { Instance } from '#ports/discovery'

/** One instance of a service as the gateway sees it. */
export type Upstream = {
  readonly instance: Instance
  readonly pool: Pool
  /** Requests sent to it and not yet answered in full. */
  outstanding: number
  breaker: BreakerState
  latency: Latency
  /** Sent and without the beginning of an answer, the oldest first. */
  readonly attempts: Set<Attempt>
  lastAnswerMs: number
  /** Whether somebody waits for it longer than usual, and nothing is known yet: others are asked rather. */
  isInDoubt: boolean
  /** Requests that went elsewhere because of it, by reason, and how often it was cut off, by reason. */
  readonly reroutes: Map<RerouteReason, number>
  readonly trips: Map<TripReason, number>
}

/** Why a request went to another instance than the first choice. */
export type RerouteReason = 'connect' | 'reset' | 'timeout' | 'status' | 'breaker'

/** One request on its way to one instance. */
export type Attempt = {
  readonly upstream: Upstream
  readonly sentMs: number
  /** Ends it where that is safe, because its instance hangs. */
  readonly abandon: () => void
  /** Whether how long its answer takes tells how fast the instance is. */
  readonly tellsPace: boolean
  /** Whether its answer has told that the instance does its work. */
  hasTold: boolean
}
