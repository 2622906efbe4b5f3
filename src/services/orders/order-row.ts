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

/** Orders with the given ids, in no particular order. */
export async function readOrders(statements: Statements, ids: readonly string[]): Promise<OrderRow[]> {
  return await statements.query<OrderRow>(
    `SELECT ${orderColumns} FROM orders.orders WHERE id = ANY($1::uuid[])`,
    [ids],
  )
}

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
