import { noteChanges } from '../note-changes.ts'
import type { Step } from './saga.ts'

/** A card that keeps timing out is given up; the void that follows also catches an authorisation that comes later. */
const authoriseAttemptsMax = 5

export const authorisePayment: Step = {
  name: 'authorise-payment',
  attemptsMax: authoriseAttemptsMax,
  async run({ gathered, payment }, saga) {
    const order = await gathered.order(saga.orderId)
    if (order === undefined) return { kind: 'refused', reason: 'the order is gone' }
    const amount = { amount: order.totalAmount, currency: order.totalCurrency }
    const result = await payment.authorise(saga.id, amount, saga.data.paymentToken ?? '')
    return result.kind === 'authorised' ? { kind: 'done' } : { kind: 'refused', reason: result.reason }
  },
  compensate: ({ payment }, saga) => payment.void(saga.id),
}

export const capturePayment: Step = {
  name: 'capture-payment',
  async run({ payment }, saga) {
    const result = await payment.capture(saga.id)
    return result.kind === 'captured'
      ? { kind: 'done' }
      : { kind: 'refused', reason: 'the authorisation is gone' }
  },
  async apply(tx, sagas) {
    await tx.execute(
      `UPDATE orders.orders o SET status = 'paid', payment = '{"status": "captured"}', payment_key = s.id::text,
              version = version + 1
         FROM unnest($1::uuid[], $2::uuid[]) AS s (order_id, id) WHERE o.id = s.order_id AND o.saga_id = s.id`,
      [sagas.map((saga) => saga.orderId), sagas.map((saga) => saga.id)],
    )
    await noteChanges(
      tx,
      sagas.map((saga) => saga.orderId),
    )
  },
  compensate: ({ payment }, saga) => payment.refund(saga.id),
  async applyCompensation(tx, sagas) {
    await tx.execute(
      `UPDATE orders.orders SET payment = '{"status": "refunded"}', payment_key = NULL
        WHERE id = ANY($1::uuid[]) AND payment_key IS NOT NULL`,
      [sagas.map((saga) => saga.orderId)],
    )
  },
}

export const refundPayment: Step = {
  name: 'refund-payment',
  async run({ gathered, payment }, saga) {
    const order = await gathered.order(saga.orderId)
    if (order?.paymentKey) await payment.refund(order.paymentKey)
    return { kind: 'done' }
  },
  async apply(tx, sagas) {
    await tx.execute(
      `UPDATE orders.orders SET status = 'refunded', payment = '{"status": "refunded"}', saga_id = NULL,
              version = version + 1
        WHERE id = ANY($1::uuid[])`,
      [sagas.map((saga) => saga.orderId)],
    )
    await noteChanges(
      tx,
      sagas.map((saga) => saga.orderId),
    )
  },
}
