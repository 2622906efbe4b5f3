import { invalid, tooMany, unavailable } from '#kernel/problem'
import { checkKey, InvalidKey, type ObjectStore } from '#ports/object-store'
import { type Drawing, type VoucherData, voucherObjectKey } from './contract.ts'
import type { RenderQueue } from './render-queue.ts'

const lookUpsAtOnce = 32

/**
 * Answers which of the vouchers are in the object store already, and sees to the others.
 * @throws Problem 400 for codes that make no key, 429 when the queue is full, 503 when it is closed
 */
export async function handleVouchers(
  vouchers: readonly VoucherData[],
  store: ObjectStore,
  queue: RenderQueue,
): Promise<Drawing> {
  checkCodes(vouchers)
  const since = queue.stored
  const stored: string[] = []
  const missing: VoucherData[] = []
  for (let i = 0; i < vouchers.length; i += lookUpsAtOnce) {
    const some = vouchers.slice(i, i + lookUpsAtOnce)
    const found = await Promise.all(some.map((voucher) => isStored(voucher, store, queue)))
    for (const [j, voucher] of some.entries()) {
      if (found[j]) stored.push(voucher.code)
      else missing.push(voucher)
    }
  }
  switch (queue.add(missing, since)) {
    case 'taken':
      return { stored, dueInMs: queue.dueInMs() }
    case 'full':
      throw tooMany(`${queue.size} vouchers wait to be drawn already.`, Math.ceil(queue.dueInMs() / 1000) + 1)
    case 'closed':
      throw unavailable('This voucher generator is stopping.')
  }
}

async function isStored(voucher: VoucherData, store: ObjectStore, queue: RenderQueue): Promise<boolean> {
  const key = voucherObjectKey(voucher.orderId, voucher.code)
  return !queue.has(key) && (await store.head(key)) !== undefined
}

function checkCodes(vouchers: readonly VoucherData[]): void {
  for (const [i, { orderId, code }] of vouchers.entries()) {
    try {
      checkKey(voucherObjectKey(orderId, code))
    } catch (error) {
      if (!(error instanceof InvalidKey)) throw error
      throw invalid([{ field: `vouchers[${i}].code`, message: 'cannot be part of an object key' }])
    }
  }
}
