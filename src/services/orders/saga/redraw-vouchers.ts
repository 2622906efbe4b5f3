import type { Database } from '#ports/database'
import { advanceFence, type Fence } from '#ports/lease'
import type { ObjectStore } from '#ports/object-store'
import { codeOfVoucherObject, type ObjectMissing, voucherObjectKey } from '#services/vouchers'
import type { Context } from '../context.ts'
import { readOrders, type VoucherRow, vouchersOf } from '../order-row.ts'
import { drawingsOf, markStored } from './voucher-steps.ts'

type Redrawing = Pick<Context, 'database' | 'objects' | 'gathered' | 'voucherKey'>

/** Vouchers looked for in one go, and lookups at the object store at a time. */
const pageMax = 100
const lookUpsMax = 16

/**
 * Walks over the vouchers of confirmed orders, a page at each call, and has those drawn again whose PDF is gone from the
 * object store. It goes on where the turn before stopped. Whoever reads one before the walk comes by is quicker: see
 * `redrawMissing`. The walk throws LostFence when it is another's turn.
 */
export function createVoucherSweep(
  context: Redrawing,
  fence: Fence,
): () => Promise<{ walked: boolean; missing: number }> {
  let last = fence.place
  return async () => {
    const rows = await context.database.query<{ code: string }>(
      `SELECT code FROM orders.all_vouchers WHERE code > $1 ORDER BY code LIMIT $2`,
      [last, pageMax],
    )
    const codes = rows.map(({ code }) => code)
    const missing = await redraw(context, codes)
    last = codes.length === pageMax ? (codes.at(-1) ?? '') : ''
    await context.database.transaction((tx) => advanceFence(tx, fence, last))
    return { walked: last === '', missing }
  }
}

/** Follows what the voucher generator says of downloads that found nothing. */
export async function redrawMissing(context: Redrawing, { key }: ObjectMissing): Promise<void> {
  const code = codeOfVoucherObject(key)
  if (code !== undefined) await redraw(context, [code])
}

/**
 * Has the PDFs drawn that some codes should have and do not. A voucher that is revoked needs none, and that of an order
 * on its way is its saga's business.
 * @returns how many were missing
 */
async function redraw(context: Redrawing, codes: readonly string[]): Promise<number> {
  const wanted = await confirmedVouchers(context.database, codes)
  const missing = await withoutObject(context.objects, wanted)
  if (missing.length === 0) return 0
  const orderIds = [...new Set(missing.map(({ orderId }) => orderId))]
  const orders = await readOrders(context.database, orderIds)
  const all = Map.groupBy(await vouchersOf(context.database, orders), ({ orderId }) => orderId)
  for (const order of orders) {
    const own = missing.filter(({ orderId }) => orderId === order.id)
    const count = (all.get(order.id) ?? []).filter(({ status }) => status !== 'revoked').length
    const { stored } = await context.gathered.draw(await drawingsOf(context, order, own, count))
    await markStored(context, stored)
  }
  return missing.length
}

/** Vouchers that somebody may come to the counter with: of those codes, or the newest. */
export async function confirmedVouchers(
  database: Database,
  codes: readonly string[] | { newest: number },
): Promise<VoucherRow[]> {
  // Two statements, and not one with a condition: each has its own index.
  const [vouchers, chosen] =
    'newest' in codes
      ? ['orders.all_vouchers', codes.newest]
      : ['(SELECT * FROM orders.all_vouchers WHERE code = ANY($1::text[]))', codes]
  return await database.query<VoucherRow>(
    `SELECT v.code, v.order_id AS "orderId", v.number, v.isbn, v.title, v.status, v.stored_at AS "storedAt",
            v.redeemed_at AS "redeemedAt"
       FROM ${vouchers} v, LATERAL (SELECT status FROM orders.all_orders WHERE id = v.order_id OFFSET 0) o
      WHERE v.status = 'valid' AND o.status = 'confirmed'
      ORDER BY v.order_id DESC, v.number ${'newest' in codes ? 'LIMIT $1' : ''}`,
    [chosen],
  )
}

/** Those of the vouchers that have no PDF in the object store. */
export async function withoutObject(
  objects: Pick<ObjectStore, 'head'>,
  vouchers: readonly VoucherRow[],
): Promise<VoucherRow[]> {
  const missing: VoucherRow[] = []
  for (let i = 0; i < vouchers.length; i += lookUpsMax) {
    const some = vouchers.slice(i, i + lookUpsMax)
    const heads = await Promise.all(
      some.map(({ orderId, code }) => objects.head(voucherObjectKey(orderId, code))),
    )
    missing.push(...some.filter((_, j) => heads[j] === undefined))
  }
  return missing
}
