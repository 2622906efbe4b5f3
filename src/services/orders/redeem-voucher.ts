import { notFound, Problem } from '#kernel/problem'
import { parseCode } from '#kernel/voucher-code'
import type { Statements } from '#ports/database'
import type { HttpServer } from '#ports/http'
import { getVoucher, getVoucherStatus, redeemVoucher, type Voucher } from '#services/orders'
import type { Context } from './context.ts'
import { noteChanges } from './note-changes.ts'
import { lockOrder } from './old/bring-back.ts'

/** At the counter: looking a voucher up, and redeeming it once, whoever scans first. */
export function addVoucherRoutes(server: HttpServer, context: Context): void {
  server.add(getVoucher, async ({ params }) => toVoucher(await find(context.database, params.code)))
  server.add(getVoucherStatus, async ({ params }) => ({
    status: (await find(context.database, params.code)).status,
  }))
  server.add(redeemVoucher, async ({ params, staff }) => {
    const redeemed = await context.database.transaction(async (tx) => {
      const { orderId } = await find(tx, params.code)
      // The order first, then its voucher: a cancellation locks in the same order, so one of the two comes second.
      await lockOrder(tx, orderId)
      const row = await find(tx, params.code)
      checkRedeemable(row)
      await tx.execute(
        `UPDATE orders.vouchers SET status = 'redeemed', redeemed_at = $2, redeemed_by = $3 WHERE code = $1`,
        [row.code, new Date(context.clock.now()), staff?.email ?? null],
      )
      await tx.execute(
        `UPDATE orders.orders o SET version = version + 1, status = CASE
           WHEN EXISTS (SELECT FROM orders.vouchers v WHERE v.order_id = o.id AND v.status = 'valid') THEN o.status
           ELSE 'redeemed' END
         WHERE id = $1`,
        [orderId],
      )
      await noteChanges(tx, [orderId])
      return await find(tx, params.code)
    })
    context.newsDue()
    return toVoucher(redeemed)
  })
}

type Row = {
  code: string
  isbn: string
  title: string
  status: 'valid' | 'redeemed' | 'revoked'
  orderId: string
  orderStatus: string
  customerName: string
  redeemedAt: Date | null
}

async function find(statements: Statements, text: string): Promise<Row> {
  const parsed = parseCode(text)
  if (parsed.kind === 'error') throw notFound('such voucher')
  const [atHand] = await statements.query<Row>(voucherSql('orders.vouchers', 'orders.orders'), [parsed.code])
  if (atHand !== undefined) return atHand
  const [row] = await statements.query<Row>(voucherSql('orders.all_vouchers', 'orders.all_orders'), [
    parsed.code,
  ])
  if (row === undefined) throw notFound('such voucher')
  return row
}

/** The order by its id one by one, so that it is looked for where it can be. */
const voucherSql = (vouchers: string, orders: string) =>
  `SELECT v.code, v.isbn, v.title, v.status, v.order_id AS "orderId", o.status AS "orderStatus",
          o.details::json -> 'customer' ->> 'name' AS "customerName", v.redeemed_at AS "redeemedAt"
     FROM ${vouchers} v, LATERAL (SELECT * FROM ${orders} WHERE id = v.order_id OFFSET 0) o WHERE v.code = $1`

function checkRedeemable(row: Row): void {
  if (row.status === 'redeemed')
    throw new Problem(409, 'already-redeemed', 'This voucher has been redeemed.', {
      redeemedAt: row.redeemedAt?.toISOString(),
    })
  if (row.status === 'revoked') throw new Problem(410, 'revoked', 'This voucher was revoked.')
  if (row.orderStatus !== 'confirmed')
    throw new Problem(
      409,
      'not-confirmed',
      `The order of this voucher is not confirmed yet: it is ${row.orderStatus}.`,
    )
}

function toVoucher(row: Row): Voucher {
  const { code, isbn, title, status, orderId } = row
  return {
    code,
    isbn,
    title,
    status,
    orderId,
    customer: { name: row.customerName },
    redeemedAt: row.redeemedAt?.toISOString() ?? null,
  }
}
