import { type Problem, tooMany } from '#kernel/problem'
import { type Meter, observeOne } from '#ports/telemetry'
import { createBrowsingLimit } from './browsing-limit.ts'
import { type BrowsingQueue, createBrowsingQueue } from './browsing-queue.ts'
import type { Circuits } from './circuits.ts'
import { type Exchange, isWaiting, sendProblem } from './exchange.ts'
import { createPaces, type PacesOptions } from './paces.ts'
import type { UpstreamTarget } from './routes.ts'

/** Decides whether and when a request is passed on: by how often its client asks, and by how much the store can do. */
export type Admission = Disposable & {
  /** @returns whether the client may ask at this pace; it has been answered otherwise */
  pace(exchange: Exchange): boolean
  /** Passes a request on, now or when its turn comes, or answers that it is too much. */
  admit(exchange: Exchange, target: UpstreamTarget, start: () => void): void
  /** Where whoever reads the catalogue on behalf of others waits for a turn. */
  readonly browsing: BrowsingQueue
  /** An order was answered, after so long at the services. */
  orderTook(ms: number): void
  /** Answers a request that was too much for the catalogue. */
  refuse(exchange: Exchange, problem: Problem): void
  /** Shows its numbers. */
  observe(meter: Meter): void
  refused(): ReadonlyMap<string, number>
}

export function createAdmission(options: PacesOptions, circuits: Pick<Circuits, 'isShut'>): Admission {
  const refusals = new Map<string, number>()
  const refuse = (exchange: Exchange, why: string, problem: Problem) => {
    refusals.set(why, (refusals.get(why) ?? 0) + 1)
    sendProblem(exchange, problem)
  }
  const paces = createPaces(options)
  const limit = createBrowsingLimit(options.nowMs)
  const browsing = createBrowsingQueue(options.nowMs, limit)
  const refuseRead = (exchange: Exchange, problem: Problem) => {
    if (isWaiting(exchange)) refuse(exchange, problem.status === 429 ? 'client' : 'busy', problem)
  }
  return {
    pace(exchange) {
      const waitSeconds = paces.take(exchange)
      if (waitSeconds === undefined) return true
      refuse(exchange, 'rate', tooMany('Too many requests from your address; slow down.', waitSeconds))
      return false
    },
    admit(exchange, target, start) {
      // Nobody waits behind reads that hang to be told that they do.
      if (!target.isBrowsing || circuits.isShut(target)) return start()
      browsing.enter(exchange.client, {
        isWanted: () => isWaiting(exchange),
        begin(end) {
          // What is left to do then is the reader's, who may be slow.
          exchange.onAnswer = end
          exchange.response.once('close', end)
          start()
        },
        refuse: (problem) => refuseRead(exchange, problem),
      })
    },
    browsing,
    orderTook: limit.orderTook,
    refuse: refuseRead,
    observe(meter) {
      const one = (name: string, help: string, read: () => number) =>
        observeOne(meter, `octavo_gateway_${name}`, help, read)
      one('browsing_active', 'Reads of the catalogue under way.', () => browsing.active)
      one('browsing_waiting', 'Reads that wait for their turn.', () => browsing.waiting)
      one('browsing_limit', 'Reads that may be under way at once.', () => limit.atOnce)
      one('limited_clients', 'Clients whose pace is kept.', () => paces.size)
      meter.observed(
        'octavo_gateway_refused_total',
        'Requests that were too much, by what for.',
        ['reason'],
        () => [...refusals].map(([why, n]) => [n, why]),
      )
    },
    refused: () => refusals,
    [Symbol.dispose]() {
      browsing[Symbol.dispose]()
      paces[Symbol.dispose]()
    },
  }
}
