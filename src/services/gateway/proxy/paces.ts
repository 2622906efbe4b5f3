import { admit, type RatePolicy } from '#kernel/rate-limit'
import type { Cache } from '#ports/cache'
import { networkOf } from '#ports/http'
import { isLoopback } from './client-address.ts'
import type { Exchange } from './exchange.ts'

/** How often each client asks, here and, where gateways share a cache, at the others. */
export type Paces = Disposable & {
  readonly size: number
  /** @returns seconds to wait when the client asks too often */
  take(exchange: Exchange): number | undefined
}

export type PacesOptions = {
  /** How often one client may ask; undefined for no limit. */
  ratePolicy: RatePolicy | undefined
  /** Whether clients on this very machine are limited as well. */
  limitsLoopback: boolean
  nowMs: () => number
  /** Where gateways tell each other whom they let through; without it each counts for itself. */
  shared: Cache | undefined
}

/** Clients whose pace is remembered; the one not seen for longest is forgotten first. */
const clientsMax = 50_000
/** How often gateways tell each other. */
const tellEveryMs = 200
/** Clients told of at a time, those who asked most often. */
const toldMax = 500
/** A counter that nobody adds to for this long begins anew. */
const countedMs = 20_000

type Pace = {
  dueMs: number | undefined
  /** Let through here, and not told yet. */
  untold: number
  /** What the counter of all gateways stood at when this one last asked. */
  stood: number
}

/**
 * A request is let through or not by what this gateway knows, and waits for nobody. What the others let through comes in a
 * moment later and counts as if it had been here; a cache that is away leaves each gateway with its own part.
 */
export function createPaces({ ratePolicy, limitsLoopback, nowMs, shared }: PacesOptions): Paces {
  const paces = new Map<string, Pace>()
  const asked = new Set<string>()
  const telling =
    shared && ratePolicy && setInterval(() => void tell(shared, ratePolicy), tellEveryMs).unref()

  const tell = async (cache: Cache, { perSecond }: RatePolicy) => {
    const some = [...asked].flatMap((key) => {
      const pace = paces.get(key)
      return pace === undefined ? [] : [{ key, pace, by: pace.untold }]
    })
    asked.clear()
    some.sort((a, b) => b.by - a.by).splice(toldMax)
    if (some.length === 0) return
    for (const { pace, by } of some) pace.untold -= by
    const stands = await cache.count(
      some.map(({ key, by }) => [`pace ${key}`, by]),
      countedMs,
    )
    for (const [i, { pace, by }] of some.entries()) {
      const stood = stands[i]
      if (stood === undefined) continue
      // A counter that began anew stands lower than it did.
      const others = stood - by - (stood - by < pace.stood ? 0 : pace.stood)
      pace.stood = stood
      if (others > 0) pace.dueMs = Math.max(pace.dueMs ?? 0, nowMs()) + (others * 1_000) / perSecond
    }
  }

  return {
    get size() {
      return paces.size
    },
    take(exchange) {
      if (ratePolicy === undefined) return undefined
      const { client } = exchange
      if (!limitsLoopback && isLoopback(client)) return undefined
      const key = networkOf(client)
      const pace = paces.get(key) ?? { dueMs: undefined, untold: 0, stood: 0 }
      const verdict = admit(pace.dueMs, nowMs(), ratePolicy)
      pace.dueMs = verdict.dueMs
      if (verdict.isAllowed) pace.untold++
      if (shared !== undefined) asked.add(key)
      // Put last again: the first of the map is the one not seen for longest.
      paces.delete(key)
      paces.set(key, pace)
      if (paces.size > clientsMax) paces.delete(paces.keys().next().value as string)
      const seconds = Math.ceil(verdict.waitMs / 1_000)
      exchange.limitHeaders = limitHeaders(ratePolicy, verdict.remaining, seconds)
      return verdict.isAllowed ? undefined : Math.max(1, seconds)
    },
    [Symbol.dispose]: () => clearInterval(telling),
  }
}

/** Source: draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4. */
function limitHeaders({ perSecond, burst }: RatePolicy, remaining: number, seconds: number): string[] {
  const window = Math.max(1, Math.ceil(burst / perSecond))
  return [
    ...['ratelimit-policy', `"client";q=${burst};w=${window}`],
    ...['ratelimit', `"client";r=${remaining};t=${Math.max(1, seconds)}`],
  ]
}
