import type { Clock } from '#ports/clock'
import { logger } from '#ports/log'
import type { ObjectStore } from '#ports/object-store'
import { traced } from '#ports/telemetry'
import { type VoucherData, voucherObjectKey } from './contract.ts'
import type { Covers } from './covers.ts'
import { DrawingFailed } from './draw-voucher.ts'
import type { DrawingPool } from './drawing-pool.ts'
import type { QueueMetrics } from './queue-metrics.ts'
import type { StoreWatch } from './store-watch.ts'

const log = logger('vouchers')

export type RenderQueue = AsyncDisposable & {
  /** Vouchers waiting or being drawn. */
  readonly size: number
  /** Counts up with each voucher that is stored; `add` takes such a number. */
  readonly stored: number
  has(key: string): boolean
  /**
   * Takes all of them, or none when they are more than there is room for. A key that is in the queue is not taken twice,
   * nor one that was stored since the caller began to look for what is missing.
   * @param since `stored` as it was then
   * @param lookFirst whether some of them may be stored already, because the store was not to be asked
   */
  add(vouchers: readonly VoucherData[], since: number, lookFirst?: boolean): 'taken' | 'full' | 'closed'
  /** In how many ms what is in the queue now should be stored. */
  dueInMs(): number
}

export type RenderQueueOptions = {
  pool: DrawingPool
  covers: Covers
  store: ObjectStore
  watch: StoreWatch
  clock: Clock
  queueMax: number
  metrics: QueueMetrics
  /** Called with a voucher that cannot be drawn, once while this process remembers it. */
  onUndrawable?: (voucher: VoucherData) => void
}

/** While vouchers are put to the store, others are drawn; so many lie ready when one that was away is back. */
const putsAtOnceMax = 64
/** On closing, what is waiting is drawn for this long; the rest is dropped, and orders asks for it again. */
const closeWithinMs = 5_000
/** Keys stored a moment ago that are remembered, for requests that looked for them before. */
const lateMax = 4_096
/** Vouchers that could not be drawn and are remembered, so that each is told of once. */
const undrawableMax = 1_000
/** What one voucher is taken to cost before any was drawn, and how much each new one changes that. */
const firstGuessMs = 10
const weight = 0.05
/** No drawing takes longer: what does waited for the object store, which says nothing of the next one. */
const costMsMax = 250

type Entry = { voucher: VoucherData; sinceMs: number; lookFirst: boolean }

/**
 * Draws vouchers, first in, first out, and puts them to the object store; while that is away they wait here, and go on as
 * soon as it is back. Kept in memory only: whoever needs a voucher asks until it is there.
 */
export function startRenderQueue(options: RenderQueueOptions): RenderQueue {
  const { clock, queueMax, metrics, pool } = options
  /** In order of arrival; an entry leaves when it is done with. */
  const entries = new Map<string, Entry>()
  const waiting: string[] = []
  const lately = new Map<string, number>()
  const workers = new Set<Promise<void>>()
  const stop = new AbortController()
  const undrawable = new Set<string>()
  let closed = false
  let stored = 0
  let costMs = firstGuessMs / pool.threads
  let lastStoredMs = 0

  const work = async () => {
    for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
      const entry = entries.get(key)
      if (entry === undefined) continue
      const outcome = stop.signal.aborted ? 'not-stored' : await produce(options, key, entry, stop.signal)
      if (outcome === 'undrawable') noteUndrawable(key, entry.voucher)
      if (outcome === 'stored') noteStored(key, entry)
      else metrics.dropped()
      entries.delete(key)
    }
  }

  const noteUndrawable = (key: string, voucher: VoucherData) => {
    if (undrawable.has(key)) return
    if (undrawable.size >= undrawableMax) undrawable.clear()
    undrawable.add(key)
    options.onUndrawable?.(voucher)
  }

  const noteStored = (key: string, { sinceMs }: Entry) => {
    const nowMs = clock.monotonicMs()
    // Only what waited says what one costs: the time since the one before may have been idle.
    costMs += weight * (Math.min(nowMs - lastStoredMs, nowMs - sinceMs, costMsMax) - costMs)
    lastStoredMs = nowMs
    lately.set(key, ++stored)
    for (const oldest of lately.keys()) {
      if (lately.size <= lateMax) break
      lately.delete(oldest)
    }
    metrics.stored((nowMs - sinceMs) / 1000)
  }

  return {
    get size() {
      return entries.size
    },
    get stored() {
      return stored
    },
    has: (key) => entries.has(key),
    add(vouchers, since, lookFirst = false) {
      if (closed) return 'closed'
      const fresh = new Map(
        vouchers.map((voucher) => [voucherObjectKey(voucher.orderId, voucher.code), voucher]),
      )
      for (const key of fresh.keys())
        if (entries.has(key) || (lately.get(key) ?? 0) > since) fresh.delete(key)
      if (entries.size + fresh.size > queueMax) {
        metrics.refused(fresh.size)
        return 'full'
      }
      const sinceMs = clock.monotonicMs()
      for (const [key, voucher] of fresh) {
        entries.set(key, { voucher, sinceMs, lookFirst })
        waiting.push(key)
      }
      // Each takes its first one at once.
      while (waiting.length > 0 && workers.size < pool.threads + putsAtOnceMax) {
        const worker = work().finally(() => workers.delete(worker))
        workers.add(worker)
      }
      return 'taken'
    },
    dueInMs: () => Math.ceil(entries.size * costMs),
    async [Symbol.asyncDispose]() {
      closed = true
      const done = new AbortController()
      const late = clock.sleep(closeWithinMs, done.signal).then(
        () => stop.abort(),
        // Called off when they are done in time.
        () => undefined,
      )
      await Promise.all(workers)
      done.abort()
      await late
    },
  }
}

/** Draws one voucher and stores it. What went wrong is logged. */
async function produce(
  { pool, covers, store, watch }: RenderQueueOptions,
  key: string,
  { voucher, lookFirst }: Entry,
  stop: AbortSignal,
): Promise<'stored' | 'not-stored' | 'undrawable'> {
  try {
    const isThere = async () => lookFirst && (await store.head(key)) !== undefined
    // One that cannot be looked for is drawn meanwhile, and looked for again before it is put.
    if (watch.fault() === undefined && (await isThere().catch(() => false))) return 'stored'
    const span = { of: voucher.orderId, role: 'vouchers' }
    const drawn = async () => pool.draw(voucher, await covers.find(voucher.isbn))
    const pdf = await traced({ ...span, name: 'draw PDF' }, drawn)
    const put = async () => {
      if (!(await isThere())) await store.put(key, pdf, 'application/pdf')
    }
    await watch.patiently(() => traced({ ...span, name: 'put object', kind: 'client' }, put), stop)
    return 'stored'
  } catch (error) {
    log.warn('a voucher is not stored', { orderId: voucher.orderId, key, error })
    return error instanceof DrawingFailed && !stop.aborted ? 'undrawable' : 'not-stored'
  }
}
