import {
  type BreakerState,
  closedBreaker,
  mayTry,
  onFailure,
  onNeither,
  onSlowAnswer,
  onSuccess,
  onTry,
} from '#kernel/circuit-breaker'
import { isFarSlower, noLatency, withSample } from '#kernel/latency-outliers'
import { ranked } from '#kernel/rendezvous'
import type { Clock } from '#ports/clock'
import type { Discovery, Instance } from '#ports/discovery'
import { closeGracefully, openPool } from '#ports/http'
import { type InstanceWatch, watchInstances } from './instance-watch.ts'
import type { Attempt, Upstream } from './upstream.ts'

export type Choice =
  | { kind: 'chosen'; upstream: Upstream; skippedOpen: boolean }
  | { kind: 'busy' }
  /** There are instances, and none of them may be asked just now. */
  | { kind: 'open'; retryAfterSeconds: number }
  | { kind: 'nobody' }

export type Upstreams = AsyncDisposable & {
  /** Picks an instance that was not tried yet; with `stickTo` the same one for the same key while it lives. */
  choose(service: string, tried: readonly Upstream[], stickTo?: string): Choice
  count(service: string): number
  /** Whether there is an instance that may be asked just now. */
  isThere(service: string): boolean
  /** A request is on its way. */
  begin(upstream: Upstream, abandon: () => void, kind?: AttemptKind): Attempt
  /** Its answer has begun. @param saysAway whether it only says that the work cannot be done just now */
  answered(attempt: Attempt, saysAway?: boolean): void
  /** It is over, however it ended. */
  ended(attempt: Attempt): void
  failed(upstream: Upstream): void
  all(): readonly Upstream[]
}
export type AttemptKind = {
  /** Whether its answer may well take minutes, or waits for a body that is still coming. */
  takesLong: boolean
  /** Whether how long its answer takes tells how fast the instance is. */
  tellsPace: boolean
}
export type UpstreamEvents = { onStateChange(upstream: Upstream, before: BreakerState): void }

const usual: AttemptKind = { takesLong: false, tellsPace: true }
const connectionsMax = 256
/** Beyond this many unanswered requests an instance gets no more: waiting longer would help nobody. */
const outstandingMax = 2_048

export function createUpstreams(
  discovery: Discovery,
  services: readonly string[],
  clock: Clock,
  events: UpstreamEvents,
): Upstreams {
  const byService = new Map<string, Upstream[]>()
  const refresh = () => {
    for (const service of services)
      byService.set(service, renewed(byService.get(service) ?? [], discovery.instances(service), clock))
  }
  refresh()
  const listening = discovery.onChange(refresh)
  const change = (upstream: Upstream, state: BreakerState) => {
    const before = upstream.breaker
    upstream.breaker = state
    if (state.kind === before.kind) return
    if (state.kind === 'open') add(upstream.trips, state.reason)
    events.onStateChange(upstream, before)
  }
  /** Only of one that shows whether it is still slow. */
  const isSlow = ({ breaker, instance }: Upstream, ms: number) => {
    if (breaker.kind !== 'probing' || breaker.reason !== 'slow') return false
    const others = (byService.get(instance.service) ?? []).filter((each) => each.breaker.kind === 'closed')
    return isFarSlower(
      ms,
      others.map(({ latency }) => latency),
    )
  }
  const watch: InstanceWatch = watchInstances({ services: () => byService.values(), clock, change })
  return {
    choose(service, tried, stickTo) {
      const nowMs = clock.monotonicMs()
      const choice = choose(byService.get(service) ?? [], tried, stickTo, nowMs, clock.random)
      // One that is asked for want of a better one has to come back in its own time all the same.
      if (choice.kind === 'chosen' && choice.upstream.breaker.kind !== 'open')
        change(choice.upstream, onTry(choice.upstream.breaker, nowMs))
      return choice
    },
    count: (service) => byService.get(service)?.length ?? 0,
    isThere: (service) =>
      (byService.get(service) ?? []).some((each) => isWilling(each, clock.monotonicMs()) || isOnlySlow(each)),
    begin(upstream, abandon, { takesLong, tellsPace } = usual) {
      const attempt = { upstream, sentMs: clock.monotonicMs(), abandon, tellsPace, hasTold: false }
      upstream.outstanding++
      // What may take an hour says nothing of how fast the instance is.
      if (!takesLong) upstream.attempts.add(attempt)
      return attempt
    },
    answered(attempt, saysAway = false) {
      const { upstream, sentMs } = attempt
      const nowMs = clock.monotonicMs()
      if (upstream.attempts.delete(attempt) && attempt.tellsPace)
        upstream.latency = withSample(upstream.latency, nowMs - sentMs)
      upstream.lastAnswerMs = nowMs
      attempt.hasTold = !saysAway
      if (saysAway) return
      const tell = attempt.tellsPace && isSlow(upstream, nowMs - sentMs) ? onSlowAnswer : onSuccess
      change(upstream, tell(upstream.breaker, nowMs))
    },
    ended(attempt) {
      const { upstream, hasTold, sentMs } = attempt
      upstream.attempts.delete(attempt)
      upstream.outstanding--
      if (!hasTold) change(upstream, onNeither(upstream.breaker, sentMs))
    },
    failed(upstream) {
      change(upstream, onFailure(upstream.breaker, clock.monotonicMs()))
    },
    all: () => [...byService.values()].flat(),
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]()
      watch[Symbol.dispose]()
      const pools = [...byService.values()].flat().map(({ pool }) => pool.destroy())
      byService.clear()
      await Promise.all(pools)
    },
  }
}

const add = <K>(counts: Map<K, number>, key: K) => counts.set(key, (counts.get(key) ?? 0) + 1)

/** Keeps the state of the instances that stayed; those that left finish what they have been sent. */
function renewed(before: readonly Upstream[], instances: readonly Instance[], clock: Clock): Upstream[] {
  const kept = new Map(before.map((upstream) => [addressOf(upstream.instance), upstream]))
  const now = instances.map((instance) => {
    const upstream = kept.get(addressOf(instance))
    kept.delete(addressOf(instance))
    return upstream ?? newUpstream(instance, clock)
  })
  for (const { pool } of kept.values()) closeGracefully(pool)
  return now
}

function newUpstream(instance: Instance, clock: Clock): Upstream {
  return {
    instance,
    pool: openPool(instance.url, connectionsMax),
    outstanding: 0,
    breaker: closedBreaker,
    latency: noLatency,
    attempts: new Set(),
    lastAnswerMs: clock.monotonicMs(),
    isInDoubt: false,
    reroutes: new Map(),
    trips: new Map(),
  }
}

const addressOf = (instance: Instance) => `${instance.id} ${instance.url}`

function choose(
  upstreams: readonly Upstream[],
  tried: readonly Upstream[],
  stickTo: string | undefined,
  nowMs: number,
  random: () => number,
): Choice {
  const fresh = tried.length === 0 ? upstreams : upstreams.filter((upstream) => !tried.includes(upstream))
  const willing = fresh.filter((upstream) => isWilling(upstream, nowMs))
  const free = willing.filter(({ outstanding }) => outstanding < outstandingMax)
  // Rather one that nobody waits for in vain; after a failure one that has not failed itself since.
  const sound = free.filter((each) => !each.isInDoubt && (tried.length === 0 || !isFailing(each)))
  const well = sound.length > 0 ? sound : free
  // A late answer is better than none.
  const candidates =
    willing.length > 0 ? well : fresh.filter((each) => isOnlySlow(each) && each.outstanding < outstandingMax)
  const upstream =
    stickTo === undefined ? lessLoaded(candidates, random) : ranked(stickTo, candidates, idOf)[0]
  if (upstream !== undefined) return { kind: 'chosen', upstream, skippedOpen: willing.length < fresh.length }
  if (willing.length > 0) return { kind: 'busy' }
  return fresh.length === 0
    ? { kind: 'nobody' }
    : { kind: 'open', retryAfterSeconds: secondsUntilTried(fresh, nowMs) }
}

const isWilling = ({ breaker, outstanding }: Upstream, nowMs: number) =>
  breaker.kind !== 'open' && mayTry(breaker, nowMs, outstanding)

/** Left out because its peers are faster. */
const isOnlySlow = ({ breaker }: Upstream) => breaker.kind !== 'closed' && breaker.reason === 'slow'

const isFailing = ({ breaker }: Upstream) => breaker.kind !== 'closed' || breaker.failing !== undefined

function secondsUntilTried(upstreams: readonly Upstream[], nowMs: number): number {
  const waits = upstreams.map(({ breaker }) => (breaker.kind === 'open' ? breaker.untilMs - nowMs : 0))
  return Math.max(1, Math.ceil(Math.min(...waits) / 1_000))
}

const idOf = (upstream: Upstream) => upstream.instance.id

/** The less loaded of two picked at random. Source: Mitzenmacher, "The Power of Two Choices", IEEE TPDS 12(10), 2001. */
function lessLoaded(upstreams: readonly Upstream[], random: () => number): Upstream | undefined {
  if (upstreams.length < 2) return upstreams[0]
  const first = Math.floor(random() * upstreams.length)
  const step = 1 + Math.floor(random() * (upstreams.length - 1))
  const a = upstreams[first]
  const b = upstreams[(first + step) % upstreams.length]
  return a !== undefined && b !== undefined && a.outstanding <= b.outstanding ? a : b
}
