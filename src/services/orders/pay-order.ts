import { invalid, Problem } from '#kernel/problem'
import { answer, type HttpServer } from '#ports/http'
import { payOrder } from '#services/orders'
import type { Context } from './context.ts'
import { noteChanges } from './note-changes.ts'
import { orderFor } from './order-holder.ts'
import type { OrderRow } from './order-row.ts'
import { represent } from './represent.ts'

/** Takes a payment in: the order's saga does the rest. Asking again while one is under way changes nothing. */
export function addPayRoute(server: HttpServer, context: Context): void {
  server.add(payOrder, async ({ params, body, bearer, headers }) => {
    const token = context.payment.tokenise(body)
    if (token.kind === 'error') throw invalid([{ field: token.field, message: token.message }])
    const row = await context.database.transaction(async (tx) => {
      const order = await orderFor(tx, params.id, { bearer, headers }, { lock: true })
      if (order.payment?.status === 'processing') return order
      checkPayable(order, context.clock.now())
      const sagaId = context.clock.uuid()
      await tx.execute(
        `WITH begun AS (
           INSERT INTO orders.sagas (id, order_id, definition, data) VALUES ($1, $2, 'paid-order', $3)
         )
         UPDATE orders.orders SET saga_id = $1, payment = '{"status": "processing"}', version = version + 1
          WHERE id = $2`,
        [sagaId, order.id, JSON.stringify({ paymentToken: token.token })],
      )
      await noteChanges(tx, [order.id])
      return { ...order, sagaId, payment: { status: 'processing' as const }, version: order.version + 1 }
    })
    context.newsDue()
    context.sagaDue()
    const [order] = await represent(context, context.database, [row])
    return answer(202, order, { location: `/api/orders/${row.id}` })
  })
}

function checkPayable(order: OrderRow, nowMs: number): void {
  if (order.status !== 'reserved' || order.totalAmount === 0 || order.sagaId !== null)
    throw new Problem(409, 'not-payable', `This order is not waiting for a payment: it is ${order.status}.`, {
      orderStatus: order.status,
    })
  if (order.expiresAt.getTime() <= nowMs)
    throw new Problem(409, 'not-payable', 'The hold on these copies has run out.', { orderStatus: 'expired' })
}
