import { makeCode, signCode } from '#kernel/voucher-code'
import type { VoucherData } from '#services/vouchers'
import type { Context } from '../context.ts'
import { createdAtOf, type OrderRow, readOrders, type VoucherRow } from '../order-row.ts'
import type { Step } from './saga.ts'

/**
 * The notification usually comes within a moment; when it is lost, this is how long a reader waits instead, after the time
 * that what was asked for before takes, and a little of that again.
 */
const drawnWithinMs = 2_000
const dueFactor = 1.25
const askAgainMaxMs = 30_000

/** One code for each copy, written down before anything is drawn. */
export const issueVoucher: Step = {
  name: 'issue-voucher',
  run: async () => ({ kind: 'done' }),
  async apply(tx, sagas, { clock }) {
    const orders = await readOrders(
      tx,
      sagas.map((saga) => saga.orderId),
    )
    const vouchers = orders.flatMap((order) =>
      copiesOf(order).map((copy, i) => ({ ...copy, order, number: i + 1 })),
    )
    await tx.execute(
      `INSERT INTO orders.vouchers (code, order_id, number, isbn, title)
       SELECT * FROM unnest($1::text[], $2::uuid[], $3::int[], $4::text[], $5::text[])`,
      [
        vouchers.map(() => makeCode(clock)),
        vouchers.map(({ order }) => order.id),
        vouchers.map(({ number }) => number),
        vouchers.map(({ isbn }) => isbn),
        vouchers.map(({ title }) => title),
      ],
    )
  },
  async applyCompensation(tx, sagas) {
    await tx.execute(
      `UPDATE orders.vouchers SET status = 'revoked', revoked_at = now()
        WHERE order_id = ANY($1::uuid[]) AND status = 'valid'`,
      [sagas.map((saga) => saga.orderId)],
    )
  },
}

const copiesOf = (order: OrderRow) =>
  order.lines.flatMap(({ isbn, title, quantity }) =>
    Array.from({ length: quantity }, () => ({ isbn, title })),
  )

/**
 * Asks the voucher generator for the PDFs and waits for the bucket's notification. The request is idempotent and its
 * answer names what is stored already, so asking again is the sweeper for notifications that were lost. Who comes when
 * many wait is told when to ask again, so that a rush is not slowed by its own questions.
 */
export const drawVoucher: Step = {
  name: 'draw-voucher',
  async run({ gathered, ...context }, saga) {
    const valid = (await gathered.vouchers(saga.orderId)).filter((each) => each.status === 'valid')
    const missing = valid.filter((voucher) => voucher.storedAt === null)
    if (missing.length === 0) return { kind: 'done' }
    const order = await gathered.order(saga.orderId)
    if (order === undefined) return { kind: 'refused', reason: 'the order is gone' }
    const drawings = await drawingsOf({ gathered, ...context }, order, missing, valid.length)
    const { stored, dueInMs } = await gathered.draw(drawings)
    await markStored(context, stored)
    if (stored.length === missing.length) return { kind: 'done' }
    return { kind: 'wait', ms: Math.min(drawnWithinMs + dueFactor * dueInMs, askAgainMaxMs) }
  },
}

/** Notes that the PDFs of these codes are in the object store. @returns the orders they belong to */
export async function markStored(
  { database }: Pick<Context, 'database'>,
  codes: readonly string[],
): Promise<string[]> {
  if (codes.length === 0) return []
  const rows = await database.query<{ orderId: string }>(
    `UPDATE orders.vouchers SET stored_at = now() WHERE code = ANY($1::text[]) AND stored_at IS NULL
     RETURNING order_id AS "orderId"`,
    [codes],
  )
  return [...new Set(rows.map((row) => row.orderId))]
}

/** What the generator needs to draw some vouchers of an order, which has `count` in all. */
export async function drawingsOf(
  { gathered, voucherKey }: Pick<Context, 'gathered' | 'voucherKey'>,
  order: OrderRow,
  wanted: readonly VoucherRow[],
  count: number,
): Promise<VoucherData[]> {
  const isbns = [...new Set(wanted.map((voucher) => voucher.isbn))]
  const authors = new Map(
    await Promise.all(isbns.map(async (isbn) => [isbn, await gathered.authors(isbn)] as const)),
  )
  return wanted.map((voucher) => ({
    code: voucher.code,
    signature: signCode(voucher.code, voucherKey),
    isbn: voucher.isbn,
    title: voucher.title,
    contributors: [...(authors.get(voucher.isbn) ?? [])],
    customerName: order.customerName,
    orderId: order.id,
    orderedAt: createdAtOf(order.id),
    number: voucher.number,
    count,
  }))
}
