import { setImmediate as breathe } from 'node:timers/promises'
import { backoffMs } from '#kernel/backoff'
import type { Clock } from '#ports/clock'
import type { ObjectStore } from '#ports/object-store'
import { type VoucherData, voucherObjectKey } from './contract.ts'
import type { Covers } from './covers.ts'
import { DrawingFailed, type DrawVoucher } from './draw-voucher.ts'

export type RenderQueue = AsyncDisposable & {
  /** Vouchers waiting or being drawn. */
  readonly size: number
  has(key: string): boolean
  /** Takes all of them, or none when they are more than there is room for. A key that is in the queue is not taken twice. */
  add(vouchers: readonly VoucherData[]): 'taken' | 'full' | 'closed'
}

export type RenderQueueOptions = {
  draw: DrawVoucher
  covers: Covers
  store: ObjectStore
  clock: Clock
  queueMax: number
}

/** Drawing is one at a time by nature; while one is put to the store the next can be drawn. */
const workersMax = 4
const putAttemptsMax = 6
/** On closing, what is waiting is drawn for this long; the rest is dropped, and orders asks for it again. */
const closeWithinMs = 5_000

/** Draws vouchers and puts them to the object store. Kept in memory only: whoever needs a voucher asks until it is there. */
export function startRenderQueue({ draw, covers, store, clock, queueMax }: RenderQueueOptions): RenderQueue {
  /** In order of arrival; an entry leaves when it is done with. */
  const entries = new Map<string, VoucherData>()
  const waiting: string[] = []
  const workers = new Set<Promise<void>>()
  const stop = new AbortController()
  let closed = false

  const work = async () => {
    for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
      const voucher = entries.get(key)
      if (voucher !== undefined && !stop.signal.aborted) await produce(key, voucher)
      entries.delete(key)
      await breathe()
    }
  }

  const produce = async (key: string, voucher: VoucherData): Promise<void> => {
    try {
      const pdf = drawInAnyCase(draw, voucher, await covers.find(voucher.isbn))
      for (let attempt = 1; ; attempt++) {
        try {
          return await store.put(key, pdf, 'application/pdf')
        } catch (error) {
          if (attempt === putAttemptsMax || stop.signal.aborted) throw error
          await clock.sleep(backoffMs(attempt, 0.5 + clock.random() / 2, 100, 5_000), stop.signal)
        }
      }
    } catch (error) {
      console.warn(`vouchers: ${key} is not stored: ${error instanceof Error ? error.message : error}`)
    }
  }

  return {
    get size() {
      return entries.size
    },
    has: (key) => entries.has(key),
    add(vouchers) {
      if (closed) return 'closed'
      const fresh = new Map(
        vouchers.map((voucher) => [voucherObjectKey(voucher.orderId, voucher.code), voucher]),
      )
      for (const key of fresh.keys()) if (entries.has(key)) fresh.delete(key)
      if (entries.size + fresh.size > queueMax) return 'full'
      for (const [key, voucher] of fresh) {
        entries.set(key, voucher)
        waiting.push(key)
      }
      while (workers.size < workersMax && workers.size < waiting.length) {
        const worker = work().finally(() => workers.delete(worker))
        workers.add(worker)
      }
      return 'taken'
    },
    async [Symbol.asyncDispose]() {
      closed = true
      const done = new AbortController()
      const late = clock.sleep(closeWithinMs, done.signal).then(
        () => stop.abort(),
        () => undefined,
      )
      await Promise.all(workers)
      done.abort()
      await late
    },
  }
}

/** A cover that cannot be drawn must not cost a reader the voucher. */
function drawInAnyCase(draw: DrawVoucher, voucher: VoucherData, cover: string | undefined): Buffer {
  try {
    return draw(voucher, cover)
  } catch (error) {
    if (cover === undefined || !(error instanceof DrawingFailed)) throw error
    return draw(voucher, undefined)
  }
}
