import { full, type Problem, tooMany } from '#kernel/problem'
import { networkOf } from '#ports/http'
import { type Meter, observeOne } from '#ports/telemetry'
import { type Exchange, sendProblem } from './exchange.ts'
import { createPaces, type PacesOptions } from './paces.ts'
import type { UpstreamTarget } from './routes.ts'

/** Decides whether and when a request is passed on: by how often its client asks, and by how much the store can do. */
export type Admission = Disposable & {
  /** @returns whether the client may ask at this pace; it has been answered otherwise */
  pace(exchange: Exchange): boolean
  /** Passes a request on, now or when its turn comes, or answers that it is too much. */
  admit(exchange: Exchange, target: UpstreamTarget, start: () => void): void
  /** Shows its numbers. */
  observe(meter: Meter): void
  refused(): ReadonlyMap<string, number>
}

/** Reads of the catalogue at once, so that they never take all of what selling needs: how many depends on how they do. */
const browsing = {
  atOnceMin: 4,
  atOnceStart: 24,
  atOnceMax: 192,
  slowMs: 200,
  waitingMax: 2_048,
  waitMaxMs: 2_000,
}
/** Of those that wait, one client may have so many. */
const waitingOfOneMax = 512

type Waiting = { exchange: Exchange; start: () => void; sinceMs: number }

export function createAdmission(options: PacesOptions): Admission {
  const refusals = new Map<string, number>()
  const refuse = (exchange: Exchange, why: string, problem: Problem) => {
    refusals.set(why, (refusals.get(why) ?? 0) + 1)
    sendProblem(exchange, problem)
  }
  const paces = createPaces(options)
  const reads = createFairQueue(options.nowMs, refuse)
  return {
    pace(exchange) {
      const waitSeconds = paces.take(exchange)
      if (waitSeconds === undefined) return true
      refuse(exchange, 'rate', tooMany('Too many requests from your address; slow down.', waitSeconds))
      return false
    },
    admit(exchange, target, start) {
      if (target.isBrowsing) reads.enter(exchange, start)
      else start()
    },
    observe(meter) {
      const { active, waiting, atOnce } = reads
      observeOne(meter, 'octavo_gateway_browsing_active', 'Reads of the catalogue under way.', active)
      observeOne(meter, 'octavo_gateway_browsing_waiting', 'Reads that wait for their turn.', waiting)
      observeOne(meter, 'octavo_gateway_browsing_limit', 'Reads that may be under way at once.', atOnce)
      observeOne(meter, 'octavo_gateway_limited_clients', 'Clients whose pace is kept.', () => paces.size)
      meter.observed(
        'octavo_gateway_refused_total',
        'Requests that were too much, by what for.',
        ['reason'],
        () => [...refusals].map(([why, n]) => [n, why]),
      )
    },
    refused: () => refusals,
    [Symbol.dispose]: () => paces[Symbol.dispose](),
  }
}

/** Who may read the catalogue next: clients in turn, whatever each has sent ahead. */
function createFairQueue(
  nowMs: () => number,
  refuse: (exchange: Exchange, why: string, problem: Problem) => void,
) {
  const queues = new Map<string, Waiting[]>()
  let [active, waiting, atOnce, changedMs] = [0, 0, browsing.atOnceStart, 0]

  /** Fewer at once while they are slow, slowly more while they are not. */
  const learn = (tookMs: number) => {
    if (tookMs > browsing.slowMs) {
      if (nowMs() - changedMs < browsing.slowMs) return
      changedMs = nowMs()
      atOnce = Math.max(browsing.atOnceMin, Math.floor(atOnce * 0.7))
    } else if (active >= atOnce - 1) atOnce = Math.min(browsing.atOnceMax, atOnce + 1 / atOnce)
  }
  const begin = ({ exchange, start }: Waiting) => {
    active++
    const startedMs = nowMs()
    exchange.response.once('close', () => {
      active--
      learn(nowMs() - startedMs)
      next()
    })
    start()
  }
  /** The first of the client whose turn it is; that client comes last then. */
  const take = (): Waiting | undefined => {
    for (const [client, queue] of queues) {
      queues.delete(client)
      const first = queue.shift()
      if (queue.length > 0) queues.set(client, queue)
      if (first === undefined) continue
      waiting--
      return first
    }
    return undefined
  }
  const next = () => {
    while (active < Math.floor(atOnce)) {
      const first = take()
      if (first === undefined) return
      if (first.exchange.response.destroyed || first.exchange.response.headersSent) continue
      if (nowMs() - first.sinceMs > browsing.waitMaxMs) refuse(first.exchange, 'busy', busyNow())
      else begin(first)
    }
  }
  return {
    enter(exchange: Exchange, start: () => void) {
      const each = { exchange, start, sinceMs: nowMs() }
      if (active < Math.floor(atOnce) && waiting === 0) return begin(each)
      const key = networkOf(exchange.client)
      const queue = queues.get(key) ?? []
      if (queue.length >= waitingOfOneMax)
        return refuse(exchange, 'client', tooMany('Too many requests of yours are waiting.'))
      if (waiting >= browsing.waitingMax) return refuse(exchange, 'busy', busyNow())
      queue.push(each)
      queues.set(key, queue)
      waiting++
      next()
    },
    active: () => active,
    waiting: () => waiting,
    atOnce: () => Math.floor(atOnce),
  }
}

const busyNow = () => full('The catalogue has too much to do just now; try again in a moment.')
