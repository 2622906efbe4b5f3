import type { ObjectCreated } from '#ports/object-store'
import { codeOfVoucherObject } from '#services/vouchers'
import type { Context } from '../context.ts'
import { markStored } from './voucher-steps.ts'

/** A voucher's PDF has arrived in the object store: notes it, and wakes the saga that waits for it and for no other. */
export async function noteStoredVoucher(
  context: Pick<Context, 'database' | 'sagaDue'>,
  { key }: ObjectCreated,
): Promise<void> {
  const code = codeOfVoucherObject(key)
  if (code === undefined) return
  const orderIds = await markStored(context, [code])
  if (orderIds.length === 0) return
  const woken = await context.database.execute(
    `UPDATE orders.sagas s SET due_at = now() WHERE order_id = ANY($1::uuid[]) AND state = 'running' AND NOT EXISTS (
       SELECT FROM orders.vouchers v WHERE v.order_id = s.order_id AND v.status = 'valid' AND v.stored_at IS NULL)`,
    [orderIds],
  )
  if (woken > 0) context.sagaDue()
}
