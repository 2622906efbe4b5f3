import { backoffMs } from '#kernel/backoff'
import { type Handler, MessageUnusable } from '#ports/broker'
import type { Clock } from '#ports/clock'
import { InvalidKey, type ObjectStore } from '#ports/object-store'
import { VouchersWanted, voucherObjectKey } from './contract.ts'
import type { Covers } from './covers.ts'
import type { DrawingPool } from './drawing-pool.ts'

export type WantedOptions = {
  pool: DrawingPool
  covers: Covers
  store: ObjectStore
  clock: Clock
  /** Aborted when this process is to end: what it has not drawn goes to another. */
  stop: AbortSignal
}

const retryMaxMs = 5_000
/** A store that is away keeps the message here, and no more are taken; after this long another process may be luckier. */
const storeAwayMaxMs = 5 * 60_000

/**
 * Draws what the shared queue holds. As many messages are at work as the broker hands out, and the rest waits for whoever
 * has room: N processes share it. A voucher that cannot be drawn fails its own message alone.
 */
export function takeWanted(options: WantedOptions): Handler {
  const { store, pool, covers } = options
  return async ({ payload }) => {
    // Only now: a role starts without it.
    const { Value } = await import('typebox/value')
    if (!Value.Check(VouchersWanted, payload))
      throw new MessageUnusable('it asks for vouchers in a form that this version cannot read')
    for (const voucher of payload.vouchers) {
      const key = voucherObjectKey(voucher.orderId, voucher.code)
      try {
        if ((await patiently(options, () => store.head(key))) !== undefined) continue
        const pdf = await pool.draw(voucher, await covers.find(voucher.isbn))
        await patiently(options, () => store.put(key, pdf, 'application/pdf'))
      } catch (error) {
        if (error instanceof InvalidKey) throw new MessageUnusable(error.message, { cause: error })
        throw error
      }
    }
  }
}

/** A store that is away is no fault of the message, which has few attempts. */
async function patiently<T>({ clock, stop }: WantedOptions, work: () => Promise<T>): Promise<T> {
  const giveUpMs = clock.monotonicMs() + storeAwayMaxMs
  for (let attempt = 0; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (error instanceof InvalidKey || stop.aborted || clock.monotonicMs() > giveUpMs) throw error
      const waitMs = backoffMs(attempt, 0.5 + clock.random() / 2, 100, retryMaxMs)
      // Called off by the end of the process, which the next round sees.
      await clock.sleep(waitMs, stop).catch(() => undefined)
    }
  }
}
