import type { ObjectCreated } from '#ports/object-store'
import type { Context } from '../context.ts'
import { markStored } from './voucher-steps.ts'

/** A voucher's PDF has arrived in the object store: notes it and wakes the saga that waits for it. */
export async function noteStoredVoucher(context: Context, { key }: ObjectCreated): Promise<void> {
  const code = /^vouchers\/[^/]+\/([^/]+)\.pdf$/.exec(key)?.[1]
  if (code === undefined) return
  const orderIds = await markStored(context, [code])
  if (orderIds.length === 0) return
  await context.database.execute(
    `UPDATE orders.sagas SET due_at = now() WHERE order_id = ANY($1::uuid[]) AND state = 'running'`,
    [orderIds],
  )
  context.sagaDue()
}
