import { Pool } from 'undici'
import {
  type BreakerState,
  closedBreaker,
  mayTry,
  onFailure,
  onSuccess,
  onTry,
} from '#kernel/circuit-breaker'
import { ranked } from '#kernel/rendezvous'
import type { Clock } from '#ports/clock'
import type { Discovery, Instance } from '#ports/discovery'

/** One instance of a service as the gateway sees it. */
export type Upstream = {
  readonly instance: Instance
  readonly pool: Pool
  /** Requests sent to it and not yet answered in full. */
  outstanding: number
  breaker: BreakerState
}

export type Choice =
  | { kind: 'chosen'; upstream: Upstream; skippedOpen: boolean }
  | { kind: 'busy' }
  | { kind: 'nobody' }

export type Upstreams = AsyncDisposable & {
  /** Picks an instance that was not tried yet; with `stickTo` the same one for the same key while it lives. */
  choose(service: string, tried: readonly Upstream[], stickTo?: string): Choice
  count(service: string): number
  succeeded(upstream: Upstream): void
  failed(upstream: Upstream): void
  openBreakers(): number
}

const connectTimeoutMs = 1_000
const connectionsMax = 256
/** Beyond this many unanswered requests an instance gets no more: waiting longer would help nobody. */
const outstandingMax = 2_048
const closeTimeoutMs = 15_000

export function createUpstreams(discovery: Discovery, services: readonly string[], clock: Clock): Upstreams {
  const byService = new Map<string, Upstream[]>()
  const refresh = () => {
    for (const service of services)
      byService.set(service, renewed(byService.get(service) ?? [], discovery.instances(service)))
  }
  refresh()
  const listening = discovery.onChange(refresh)
  return {
    choose: (service, tried, stickTo) =>
      choose(byService.get(service) ?? [], tried, stickTo, clock.monotonicMs(), clock.random),
    count: (service) => byService.get(service)?.length ?? 0,
    succeeded(upstream) {
      upstream.breaker = onSuccess(upstream.breaker)
    },
    failed(upstream) {
      upstream.breaker = onFailure(upstream.breaker, clock.monotonicMs())
    },
    openBreakers: () =>
      [...byService.values()].flat().filter(({ breaker }) => breaker.kind !== 'closed').length,
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]()
      const pools = [...byService.values()].flat().map(({ pool }) => pool.destroy())
      byService.clear()
      await Promise.all(pools)
    },
  }
}

/** Keeps the state of the instances that stayed; those that left finish what they have been sent. */
function renewed(before: readonly Upstream[], instances: readonly Instance[]): Upstream[] {
  const kept = new Map(before.map((upstream) => [addressOf(upstream.instance), upstream]))
  const now = instances.map((instance) => {
    const upstream = kept.get(addressOf(instance))
    kept.delete(addressOf(instance))
    return upstream ?? { instance, pool: openPool(instance.url), outstanding: 0, breaker: closedBreaker }
  })
  for (const { pool } of kept.values()) closeGracefully(pool)
  return now
}

const addressOf = (instance: Instance) => `${instance.id} ${instance.url}`

function openPool(url: string): Pool {
  return new Pool(url, {
    connections: connectionsMax,
    pipelining: 1,
    connect: { timeout: connectTimeoutMs },
    keepAliveTimeout: 30_000,
  })
}

function closeGracefully(pool: Pool): void {
  const timeout = setTimeout(() => pool.destroy().catch(() => {}), closeTimeoutMs)
  timeout.unref()
  pool
    .close()
    .catch(() => {})
    .finally(() => clearTimeout(timeout))
}

function choose(
  upstreams: readonly Upstream[],
  tried: readonly Upstream[],
  stickTo: string | undefined,
  nowMs: number,
  random: () => number,
): Choice {
  const fresh = tried.length === 0 ? upstreams : upstreams.filter((upstream) => !tried.includes(upstream))
  const willing = fresh.filter(({ breaker }) => mayTry(breaker, nowMs))
  const free = willing.filter(({ outstanding }) => outstanding < outstandingMax)
  const upstream = stickTo === undefined ? lessLoaded(free, random) : ranked(stickTo, free, idOf)[0]
  if (upstream === undefined) return { kind: willing.length === 0 ? 'nobody' : 'busy' }
  upstream.breaker = onTry(upstream.breaker, nowMs)
  return { kind: 'chosen', upstream, skippedOpen: willing.length < fresh.length }
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

/** By the code of undici's error: sent, and not answered in time. */
export const isTimeout = (code: string | undefined) =>
  code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT'
