import { uuid7TimeMs } from '#ports/clock'
import type { Statements } from '#ports/database'
import type { ObjectStore } from '#ports/object-store'
import type { Order, OrderLine, OrderStatus } from '#services/orders'
import { voucherFileName, voucherObjectKey } from '#services/vouchers'

export type OrderRow = {
  id: string
  status: OrderStatus
  version: number
  tokenHash: string
  bodyHash: string
  idempotencyKey: string
  customerName: string
  customerEmail: string
  lines: OrderLine[]
  totalAmount: number
  totalCurrency: string
  expiresAt: Date
  sagaId: string | null
  payment: Order['payment']
  paymentKey: string | null
}

export type VoucherRow = {
  code: string
  orderId: string
  number: number
  isbn: string
  title: string
  status: 'valid' | 'redeemed' | 'revoked'
  storedAt: Date | null
  redeemedAt: Date | null
}

export const orderColumns = `id, status, version, token_hash AS "tokenHash", body_hash AS "bodyHash",
  idempotency_key AS "idempotencyKey", details::json -> 'customer' ->> 'name' AS "customerName",
  details::json -> 'customer' ->> 'email' AS "customerEmail", details::json -> 'lines' AS lines,
  (details::json -> 'total' ->> 'amount')::bigint AS "totalAmount", details::json -> 'total' ->> 'currency' AS "totalCurrency",
  expires_at AS "expiresAt", saga_id AS "sagaId", payment, payment_key AS "paymentKey"`

const voucherColumns = `code, order_id AS "orderId", number, isbn, title, status, stored_at AS "storedAt",
  redeemed_at AS "redeemedAt"`

/** Orders with the given ids, in no particular order. Those that are not at hand were put away, or are none. */
export async function readOrders(
  statements: Pick<Statements, 'query'>,
  ids: readonly string[],
): Promise<OrderRow[]> {
  const atHand = await statements.query<OrderRow>(
    `SELECT ${orderColumns} FROM orders.orders WHERE id = ANY($1::uuid[])`,
    [ids],
  )
  if (atHand.length >= new Set(ids).size) return atHand
  // All at one moment, for one may be put away or brought back between the two.
  return await statements.query<OrderRow>(`SELECT ${orderColumns} FROM ${eachOf('all_orders', 'id')} o`, [
    ids,
  ])
}

/** Vouchers of orders, by order and number; of orders at hand alone. */
export async function readVouchers(
  statements: Pick<Statements, 'query'>,
  orderIds: readonly string[],
): Promise<VoucherRow[]> {
  if (orderIds.length === 0) return []
  return await statements.query<VoucherRow>(
    `SELECT ${voucherColumns} FROM orders.vouchers WHERE order_id = ANY($1::uuid[]) ORDER BY order_id, number, created_at`,
    [orderIds],
  )
}

/** The same of any orders: where one that should have vouchers has none at hand, it was put away. */
export async function vouchersOf(
  statements: Pick<Statements, 'query'>,
  orders: readonly Pick<OrderRow, 'id' | 'status'>[],
): Promise<VoucherRow[]> {
  const atHand = await readVouchers(
    statements,
    orders.map(({ id }) => id),
  )
  const found = new Set(atHand.map(({ orderId }) => orderId))
  const away = orders.filter(({ id, status }) => showsVouchers(status) && !found.has(id))
  if (away.length === 0) return atHand
  const old = await statements.query<VoucherRow>(
    `SELECT ${voucherColumns} FROM ${eachOf('all_vouchers', 'order_id')} v ORDER BY order_id, number, created_at`,
    [away.map(({ id }) => id)],
  )
  return [...atHand, ...old]
}

/** Rows of a view by the orders of the first parameter, one by one: each is looked for in the one part that it can be in. */
const eachOf = (view: string, column: string) =>
  `(SELECT found.* FROM unnest($1::uuid[]) AS own (own_id),
      LATERAL (SELECT * FROM orders.${view} WHERE ${column} = own_id OFFSET 0) AS found)`

/** When an order was placed: its id says so. */
export const createdAtOf = (orderId: string) => new Date(uuid7TimeMs(orderId)).toISOString()

const hourMs = 3_600_000

/** Links live for 24 to 25 hours: the end is on the hour, so that an unchanged order keeps its ETag. */
const linkEnd = (nowMs: number) => (Math.floor(nowMs / hourMs) + 25) * hourMs

/** Vouchers are shown from confirmation on: before it they may still be undone. */
const showsVouchers = (status: OrderStatus) => !['reserved', 'paid', 'expired', 'failed'].includes(status)

/** An order as its reader sees it. */
export function representation(
  row: OrderRow,
  vouchers: readonly VoucherRow[],
  view: { objects: Pick<ObjectStore, 'presign'>; publicUrl: string; nowMs: number },
): Order {
  return {
    id: row.id,
    status: row.status,
    customer: { name: row.customerName, email: row.customerEmail },
    lines: row.lines.map(({ isbn, title, quantity, unitPrice }) => ({ isbn, title, quantity, unitPrice })),
    total: { amount: row.totalAmount, currency: row.totalCurrency },
    createdAt: createdAtOf(row.id),
    expiresAt: row.expiresAt.toISOString(),
    payment: row.payment,
    vouchers: showsVouchers(row.status)
      ? vouchers.map((voucher) => ({
          code: voucher.code,
          isbn: voucher.isbn,
          status: voucher.status,
          url: new URL(
            view.objects.presign(
              voucherObjectKey(row.id, voucher.code),
              linkEnd(view.nowMs),
              voucherFileName(voucher.code),
            ),
            `${view.publicUrl}/`,
          ).href,
        }))
      : [],
  }
}
