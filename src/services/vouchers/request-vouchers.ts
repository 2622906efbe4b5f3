import { invalid, tooMany, unavailable } from '#kernel/problem'
import type { Clock } from '#ports/clock'
import { checkKey, InvalidKey, type ObjectStore } from '#ports/object-store'
import { type Drawing, type VoucherData, voucherObjectKey } from './contract.ts'
import type { RenderQueue } from './render-queue.ts'
import type { StoreWatch } from './store-watch.ts'

const lookUpsAtOnce = 32
/** Of all that one request asks for. What is not known by then is looked for when its turn to be drawn comes. */
const lookUpsMaxMs = 1_000

export type RequestParts = {
  store: Pick<ObjectStore, 'head'>
  watch: Pick<StoreWatch, 'fault'>
  queue: RenderQueue
  clock: Clock
}

/**
 * Answers which of the vouchers are in the object store already, and sees to the others. A store that is away is not
 * waited for: the queue takes what may be missing, and goes on with it when the store is back.
 * @throws Problem 400 for codes that make no key, 429 when the queue is full, 503 when it is closed
 */
export async function handleVouchers(
  vouchers: readonly VoucherData[],
  parts: RequestParts,
): Promise<Drawing> {
  checkCodes(vouchers)
  const { queue } = parts
  const since = queue.stored
  const { stored, isWhole } = await lookUp(vouchers, parts)
  const missing = vouchers.filter((voucher) => !stored.has(voucher))
  switch (queue.add(missing, since, !isWhole)) {
    case 'taken':
      return { stored: [...stored].map(({ code }) => code), dueInMs: queue.dueInMs() }
    case 'full':
      throw tooMany(`${queue.size} vouchers wait to be drawn already.`, Math.ceil(queue.dueInMs() / 1000) + 1)
    case 'closed':
      throw unavailable('This voucher generator is stopping.')
  }
}

type Found = { stored: Set<VoucherData>; isWhole: boolean }

/** @returns what is known to be stored, and whether the store was asked for all of them */
async function lookUp(
  vouchers: readonly VoucherData[],
  { store, watch, queue, clock }: RequestParts,
): Promise<Found> {
  const found: Found = { stored: new Set(), isWhole: false }
  // Whoever draws will notice when it is back.
  if (watch.fault() !== undefined) return found
  const look = async (late: AbortSignal) => {
    for (let i = 0; i < vouchers.length && !late.aborted; i += lookUpsAtOnce)
      await Promise.all(
        vouchers.slice(i, i + lookUpsAtOnce).map(async (voucher) => {
          const key = voucherObjectKey(voucher.orderId, voucher.code)
          if (!queue.has(key) && (await store.head(key)) !== undefined) found.stored.add(voucher)
        }),
      )
    found.isWhole = !late.aborted
  }
  const late = new AbortController()
  const inTime = new AbortController()
  // Called off when all were looked for.
  const limit = clock.sleep(lookUpsMaxMs, inTime.signal).catch(() => undefined)
  // The store's failure is told by whoever draws.
  await Promise.race([look(late.signal).catch(() => undefined), limit])
  late.abort()
  inTime.abort()
  return { ...found, stored: new Set(found.stored) }
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
