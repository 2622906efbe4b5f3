import type { Settlement } from '#services/orders'
import type { Context } from '../context.ts'
import { noteChanges } from '../note-changes.ts'
import { authorisePayment } from './payment-steps.ts'
import type { Saga, Step } from './saga.ts'

/** The copies are held since the order was placed; undoing this step is what ends a failed order. */
export const holdCopies: Step = {
  name: 'hold-copies',
  async compensate(context, saga) {
    if (!mayTryAgain(saga)) await settle(context, saga, 'release', 'failed')
  },
  async applyCompensation(tx, sagas) {
    const declined = sagas.filter(mayTryAgain)
    if (declined.length === 0) return
    await tx.execute(
      `UPDATE orders.orders o SET saga_id = NULL, version = version + 1,
              payment = jsonb_build_object('status', 'declined', 'reason', s.reason)
         FROM unnest($1::uuid[], $2::text[]) AS s (order_id, reason) WHERE o.id = s.order_id`,
      [declined.map((saga) => saga.orderId), declined.map((saga) => saga.data.reason ?? 'declined')],
    )
    await noteChanges(
      tx,
      declined.map((saga) => saga.orderId),
    )
  },
}

/** A declined card leaves the hold as it is: the reader may try another until it expires. */
const mayTryAgain = (saga: Saga) => saga.data.refusedAt === authorisePayment.name

export const confirm: Step = {
  name: 'confirm',
  async run(context, saga) {
    const kind = await settle(context, saga, 'confirm', 'confirmed')
    return kind === 'settled'
      ? { kind: 'done' }
      : { kind: 'refused', reason: 'the order has gone another way' }
  },
}

async function settle(
  { gathered }: Context,
  saga: Saga,
  movement: Settlement['movement'],
  to: Settlement['to'],
): Promise<'settled' | 'stale'> {
  const order = await gathered.order(saga.orderId)
  if (order === undefined) return 'stale'
  const lines = order.lines.map(({ isbn, quantity }) => ({ isbn, quantity }))
  const kind = await gathered.settle({ orderId: order.id, movement, to, sagaId: saga.id, lines })
  if (kind === 'settled' || kind === 'stale') return kind
  throw new Error(`the coordinator could not ${movement} the copies`)
}
