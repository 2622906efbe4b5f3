import { type Handler, MessageUnusable } from '#ports/broker'
import { InvalidKey, type ObjectStore } from '#ports/object-store'
import { VouchersWanted, voucherObjectKey } from './contract.ts'
import type { Covers } from './covers.ts'
import type { DrawingPool } from './drawing-pool.ts'
import type { StoreWatch } from './store-watch.ts'

export type WantedOptions = {
  pool: DrawingPool
  covers: Covers
  store: ObjectStore
  watch: StoreWatch
  /** Aborted when this process is to end: what it has not drawn goes to another. */
  stop: AbortSignal
}

/**
 * Draws what the shared queue holds. As many messages are at work as the broker hands out, and the rest waits for whoever
 * has room: N processes share it. A voucher that cannot be drawn fails its own message alone. A store that is away is no
 * fault of the message, which has few attempts: it is kept here meanwhile, and no more are taken.
 */
export function takeWanted(options: WantedOptions): Handler {
  const { store, pool, covers, watch, stop } = options
  return async ({ payload }) => {
    // Only now: a role starts without it.
    const { Value } = await import('typebox/value')
    if (!Value.Check(VouchersWanted, payload))
      throw new MessageUnusable('it asks for vouchers in a form that this version cannot read')
    for (const voucher of payload.vouchers) {
      const key = voucherObjectKey(voucher.orderId, voucher.code)
      try {
        if ((await watch.patiently(() => store.head(key), stop)) !== undefined) continue
        const pdf = await pool.draw(voucher, await covers.find(voucher.isbn))
        await watch.patiently(() => store.put(key, pdf, 'application/pdf'), stop)
      } catch (error) {
        if (error instanceof InvalidKey) throw new MessageUnusable(error.message, { cause: error })
        throw error
      }
    }
  }
}
