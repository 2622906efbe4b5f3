import { type BreakerState, closedBreaker, mayTry } from '#kernel/circuit-breaker'
import type { PicturedCluster } from '#kernel/fleet-picture'
import { type Latency, noLatency } from '#kernel/latency-outliers'
import type { Pool } from '#ports/connections'

/** One cluster as an edge sees it. */
export type Cluster = {
  pictured: PicturedCluster
  readonly pool: Pool
  /** What the edge's own probes say of it. */
  health: Health
  /** That its gateways said they are, in the last answers to probes, the newest last. */
  versions: readonly string[]
  /** The turn of OrderDb's primary that its gateways last said they have heard of; undefined where they say nothing. */
  epoch: number | undefined
  /** Whether a probe has come back at all. */
  isProbed: boolean
  /** What readers' requests say of it. */
  breaker: BreakerState
  latency: Latency
  /** Whether it has become far slower than the others. */
  isSlow: boolean
  /** Requests on their way. */
  readonly attempts: Set<Attempt>
  readonly counts: Counts
}

/** A request at a cluster. */
export type Attempt = {
  readonly sentMs: number
  /** The answer is a stream of events that ends when somebody ends it. */
  isStream: boolean
  /** It changes something. */
  readonly isWrite: boolean
  /** Ends it; where that is safe and nothing has been answered yet it goes elsewhere. It fails only one that is lost. */
  readonly abandon: (why: 'lost' | 'turn') => void
  /** Ends a stream as if it had come to its end, so that its reader connects again. */
  readonly handOver: () => void
}

export type Counts = {
  requests: number
  /** No answer, or one of 500 and more. */
  failed: number
  /** Requests that went elsewhere because of it. */
  rerouted: number
  /** Changes that it refused because it had not heard of the latest turn. */
  behind: number
  /** Times it was cut off by answers, and times it was found down by probes. */
  trips: number
  downs: number
  ordersTaken: number
  ordersFailed: number
  /** Orders whose answer took longer than a second. */
  ordersSlow: number
}

export type Health =
  | { kind: 'up'; sinceMs: number; failedInRow: number; isNew: boolean }
  | { kind: 'down'; sinceMs: number; goodInRow: number; reason: string }

export type HealthLimits = {
  /** Probes in a row that have to fail, and to be answered, before anybody believes it. */
  failedMax: number
  goodMin: number
  /** A cluster that comes back, or begins, gets more and more for so long. */
  slowStartMs: number
  /** Its share at the beginning of that. */
  slowStartShare: number
}

export const healthLimits: HealthLimits = {
  ...{ failedMax: 2, goodMin: 3, slowStartMs: 10_000, slowStartShare: 0.1 },
}

/** What a cluster that is far slower than the others gets of its weight: enough to see when it is well again. */
const slowShare = 0.1

export function newCluster(pictured: PicturedCluster, pool: Pool, nowMs: number): Cluster {
  return {
    ...{ pictured, pool, breaker: closedBreaker, latency: noLatency, isSlow: false, attempts: new Set() },
    // Until the first probes are back it counts as up: the first to start would have nobody otherwise.
    ...{ versions: [], epoch: undefined, isProbed: false },
    health: { kind: 'up', sinceMs: nowMs, failedInRow: 0, isNew: true },
    counts: {
      ...{ requests: 0, failed: 0, rerouted: 0, behind: 0, trips: 0, downs: 0 },
      ...{ ordersTaken: 0, ordersFailed: 0, ordersSlow: 0 },
    },
  }
}

/** One that has moved to another address is asked there before it gets anything, unless there is nobody else. */
export const moved = (nowMs: number, limits = healthLimits): Health => ({
  ...{ kind: 'down', sinceMs: nowMs, goodInRow: limits.goodMin - 1, reason: 'its address is new' },
})

/** After one more probe. @param failure what was wrong, undefined when it was answered as it should be */
export function probed(
  health: Health,
  failure: string | undefined,
  nowMs: number,
  limits = healthLimits,
): Health {
  if (health.kind === 'up') {
    if (failure === undefined) return health.failedInRow === 0 ? health : { ...health, failedInRow: 0 }
    const failedInRow = health.failedInRow + 1
    if (failedInRow < limits.failedMax) return { ...health, failedInRow }
    return { kind: 'down', sinceMs: nowMs, goodInRow: 0, reason: failure }
  }
  if (failure !== undefined) return { ...health, goodInRow: 0, reason: failure }
  const goodInRow = health.goodInRow + 1
  if (goodInRow < limits.goodMin) return { ...health, goodInRow }
  return { kind: 'up', sinceMs: nowMs, failedInRow: 0, isNew: false }
}

/** A cluster whose weight was raised from nothing begins slowly as well. */
export function raisedFromNothing(health: Health, nowMs: number): Health {
  return health.kind === 'up' ? { ...health, sinceMs: nowMs, isNew: false } : health
}

/** The part of the traffic that a cluster should get now, beside the others' parts; 0 for one that is down or cut off. */
export function shareOf(cluster: Cluster, nowMs: number, limits = healthLimits): number {
  const { health, pictured, breaker, attempts, isSlow } = cluster
  if (health.kind === 'down' || !mayTry(breaker, nowMs, attempts.size)) return 0
  return pictured.weight * slowStart(health, nowMs, limits) * (isSlow ? slowShare : 1)
}

function slowStart(health: Extract<Health, { kind: 'up' }>, nowMs: number, limits: HealthLimits): number {
  if (health.isNew) return 1
  const done = (nowMs - health.sinceMs) / limits.slowStartMs
  return Math.min(1, limits.slowStartShare + (1 - limits.slowStartShare) * Math.max(0, done))
}
