import { authorisePayment, capturePayment, refundPayment } from './payment-steps.ts'
import type { SagaDefinition } from './saga.ts'
import { confirm, holdCopies } from './stock-steps.ts'
import { drawVoucher, issueVoucher } from './voucher-steps.ts'

/**
 * What becomes of an order, as tables of steps: each runs after the one above it, and when one is refused it and all
 * above it are undone from there upwards.
 *
 * | step | run | undo |
 * |---|---|---|
 * | hold copies | – (held since the order was placed) | give them back, unless another card may be tried |
 * | authorise payment | reserve the money | void it, also if it arrives later |
 * | issue voucher | one code for each copy | revoke them |
 * | draw voucher | the PDF is in the object store | – |
 * | capture payment | take the money | give it back |
 * | confirm | held copies become sold, for good | – |
 */
const paidOrder: SagaDefinition = {
  name: 'paid-order',
  steps: [holdCopies, authorisePayment, issueVoucher, drawVoucher, capturePayment, confirm],
}

const freeOrder: SagaDefinition = {
  name: 'free-order',
  steps: [holdCopies, issueVoucher, drawVoucher, confirm],
}

/** Begun when a paid order is cancelled; nothing stops it but success. */
const refund: SagaDefinition = { name: 'refund', steps: [refundPayment] }

export const definitions: ReadonlyMap<string, SagaDefinition> = new Map(
  [paidOrder, freeOrder, refund].map((definition) => [definition.name, definition]),
)
