import { together } from '#kernel/together'
import { logger } from '#ports/log'
import type { ObjectCreated } from '#ports/object-store'
import { isTracing, noteSpan, nowMs } from '#ports/telemetry'
import { codeOfVoucherObject, orderOfVoucherObject } from '#services/vouchers'
import type { Context } from '../context.ts'
import { markStored } from './voucher-steps.ts'

const log = logger('orders')

const atOnceMax = 256
const lookUpsAtOnce = 32

/**
 * Follows the bucket's notifications: notes which PDFs have arrived in the object store, and wakes the sagas that wait
 * for those and for no other. Notifications that come together are noted together.
 */
export function noteStoredVouchers(
  context: Pick<Context, 'database' | 'sagaDue'>,
): (created: ObjectCreated) => Promise<void> {
  const note = together(async (codes: readonly string[]) => {
    const orderIds = await markStored(context, codes)
    if (orderIds.length > 0) await wake(context, orderIds)
    return codes
  }, atOnceMax)
  return async ({ key }) => {
    const code = codeOfVoucherObject(key)
    if (code === undefined) return
    const startMs = nowMs()
    await note(code)
    traceNews(orderOfVoucherObject(key), startMs)
  }
}

/**
 * Those of the objects that the bucket, or whoever speaks for it, tells of which are there: what is told of too early, or
 * by somebody else, must not have an order paid for whose voucher nobody can open. Where the store cannot be asked the
 * sagas ask by themselves.
 */
export async function thoseThere(
  { objects }: Pick<Context, 'objects'>,
  created: readonly ObjectCreated[],
): Promise<ObjectCreated[]> {
  const named = created.filter(({ key }) => codeOfVoucherObject(key) !== undefined)
  const there: ObjectCreated[] = []
  for (let i = 0; i < named.length; i += lookUpsAtOnce)
    await Promise.all(
      named.slice(i, i + lookUpsAtOnce).map(async (object) => {
        const found = await objects.head(object.key).catch((error: unknown) => {
          log.debug('a voucher that the bucket tells of could not be looked for', { error })
        })
        if (found !== undefined) there.push(object)
      }),
    )
  return there
}

async function wake(
  context: Pick<Context, 'database' | 'sagaDue'>,
  orderIds: readonly string[],
): Promise<void> {
  const woken = await context.database.execute(
    `UPDATE orders.sagas s SET due_at = now() WHERE order_id = ANY($1::uuid[]) AND state = 'running' AND NOT EXISTS (
       SELECT FROM orders.vouchers v WHERE v.order_id = s.order_id AND v.status = 'valid' AND v.stored_at IS NULL)`,
    [orderIds],
  )
  if (woken > 0) context.sagaDue()
}

/** Also of an order whose saga has asked meanwhile, and knew. */
function traceNews(orderId: string | undefined, startMs: number): void {
  if (orderId === undefined || !isTracing()) return
  const at = { startMs, endMs: nowMs(), role: 'orders', kind: 'consumer' } as const
  noteSpan({ ...at, of: orderId, name: 'object.created arrives' })
}
