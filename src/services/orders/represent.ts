import type { Statements } from '#ports/database'
import type { Order } from '#services/orders'
import type { Context } from './context.ts'
import { type OrderRow, representation, vouchersOf } from './order-row.ts'

type View = Pick<Context, 'objects' | 'config' | 'clock'>

/** Orders with their vouchers, as their readers see them, in the order of `rows`. */
export async function represent(
  context: View,
  statements: Pick<Statements, 'query'>,
  rows: readonly OrderRow[],
): Promise<Order[]> {
  const vouchers = await vouchersOf(statements, rows)
  const view = viewOf(context)
  return rows.map((row) =>
    representation(
      row,
      vouchers.filter((voucher) => voucher.orderId === row.id),
      view,
    ),
  )
}

/** What an order's links are made with, now. */
export const viewOf = ({ objects, config, clock }: View) => ({
  objects,
  publicUrl: config.publicUrl,
  nowMs: clock.now(),
})
