import { forbidden, Problem, unavailable } from '#kernel/problem'
import type { HttpServer } from '#ports/http'
import { type SettlementOutcome, settleOrders } from '#services/coordinator'
import { cancelOrder, type Settlement } from '#services/orders'
import type { Context } from './context.ts'
import { lockOrder } from './old/bring-back.ts'
import { type Caller, orderFor, staffOf } from './order-holder.ts'
import { type OrderRow, readOrders, vouchersOf } from './order-row.ts'
import { represent } from './represent.ts'

const sagaWaitMs = 4_000
const settleDeadlineMs = 6_000
const again = { 'retry-after': '1' }

/** Cancels an order: its copies go back in one distributed transaction, its money by a saga of its own. */
export function addCancelRoute(server: HttpServer, context: Context): void {
  server.add(cancelOrder, async ({ params, bearer, headers }) => {
    const row = await withoutSaga(context, () => orderFor(context.database, params.id, { bearer, headers }))
    await checkMayRefund(context, row, { bearer, headers })
    const settlement = keepsMoney(row) ? undefined : await settlementOf(context, row)
    if (settlement !== undefined) await context.database.transaction((tx) => lockOrder(tx, row.id))
    const kind = settlement === undefined ? 'settled' : await settle(context, settlement)
    if (kind === 'failed')
      throw unavailable('The order could not be cancelled just now; try again in a moment.')
    if (row.paymentKey !== null) await giveMoneyBack(context, row.id)
    const rows = await readOrders(context.database, [row.id])
    // Who cancels at the same time has done what was asked.
    if (kind === 'stale' && !rows.every(isOver))
      throw new Problem(
        409,
        'changed-meanwhile',
        'The order changed while it was being cancelled; look again.',
        {},
        again,
      )
    const [order] = await represent(context, context.database, rows)
    return order as NonNullable<typeof order>
  })
}

async function settle(context: Context, settlement: Settlement): Promise<SettlementOutcome['kind']> {
  const { outcomes } = await context.client.call('coordinator', settleOrders, {
    body: { settlements: [settlement] },
    deadlineMs: settleDeadlineMs,
  })
  context.newsDue()
  context.sagaDue()
  return outcomes[0]?.kind ?? 'failed'
}

/** Sagas give such money back themselves; an order that has it all the same was changed beside them. */
const keepsMoney = ({ status, paymentKey, sagaId }: OrderRow) =>
  paymentKey !== null && sagaId === null && ['expired', 'failed', 'cancelled'].includes(status)

/** Begins the refund of an order that ended with its money captured, unless a saga is at it already. */
async function giveMoneyBack({ database, clock, sagaDue }: Context, id: string): Promise<void> {
  await database.transaction(async (tx) => {
    await lockOrder(tx, id)
    await tx.execute(
      `WITH begun AS (
         UPDATE orders.orders SET saga_id = $2 WHERE id = $1 AND saga_id IS NULL AND payment_key IS NOT NULL
            AND status IN ('expired', 'failed', 'cancelled') AND NOT EXISTS (
              SELECT FROM orders.sagas WHERE order_id = $1 AND state IN ('running', 'compensating'))
         RETURNING id, saga_id)
       INSERT INTO orders.sagas (id, order_id, definition) SELECT saga_id, id, 'refund' FROM begun`,
      [id, clock.uuid()],
    )
  })
  sagaDue()
}

/** Readers may give back what they bought; of the staff, managers may refund. @throws Problem 403 */
async function checkMayRefund(context: Context, row: OrderRow, caller: Caller): Promise<void> {
  if (row.paymentKey === null) return
  const member = await staffOf(context.database, caller)
  if (member !== undefined && !member.roles.includes('manager')) throw forbidden(['manager'])
}

/** Waits a little for a saga at work to come to its end: what it is doing may not be half undone from here. */
async function withoutSaga(context: Context, read: () => Promise<OrderRow>): Promise<OrderRow> {
  const deadline = context.clock.monotonicMs() + sagaWaitMs
  for (;;) {
    const row = await read()
    if (isOver(row) || !(await hasSaga(context, row.id))) return row
    if (context.clock.monotonicMs() > deadline)
      throw new Problem(
        409,
        'in-flight',
        'A payment for this order is under way; try again in a moment.',
        {},
        again,
      )
    await context.clock.sleep(100)
  }
}

/** Asks the sagas themselves: one that has confirmed its order may not have noted its own end yet. */
async function hasSaga({ database }: Context, orderId: string): Promise<boolean> {
  const [row] = await database.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM orders.sagas WHERE order_id = $1 AND state IN ('running', 'compensating')) AS found`,
    [orderId],
  )
  return row?.found ?? false
}

const isOver = (row: OrderRow) => row.status === 'cancelled' || row.status === 'refunded'

/** @returns nothing when the order is cancelled already: asking twice is not an error */
async function settlementOf(context: Context, row: OrderRow): Promise<Settlement | undefined> {
  const lines = row.lines.map(({ isbn, quantity }) => ({ isbn, quantity }))
  const cancel = { orderId: row.id, to: 'cancelled', sagaId: null, lines } as const
  if (isOver(row)) return undefined
  if (row.status === 'reserved') return { ...cancel, movement: 'release' }
  const vouchers = await vouchersOf(context.database, [row])
  if (vouchers.some((voucher) => voucher.status === 'redeemed'))
    throw new Problem(409, 'already-redeemed', 'A voucher of this order has been redeemed.', {
      redeemedAt: vouchers.find((voucher) => voucher.redeemedAt !== null)?.redeemedAt?.toISOString(),
    })
  if (row.status === 'confirmed') return { ...cancel, movement: 'return' }
  throw new Problem(409, 'not-cancellable', `This order cannot be cancelled any more: it is ${row.status}.`, {
    orderStatus: row.status,
  })
}
