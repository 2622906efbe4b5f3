import { anyone, defineRoute, internal, orderHolder, type Role, roles, staff } from '#kernel/contract'
import { closed, IsbnText, Nullable, Paging } from '#kernel/schemas'
import { Type } from '#kernel/type'
import { eraseCustomer } from './erasure-contract.ts'
import { Order, OrderList, OrderStatusSchema, Voucher } from './order-schemas.ts'
import {
  changePassword,
  confirmSecondFactor,
  endSession,
  endSessions,
  getSession,
  listSessions,
  logIn,
  logOut,
  offerSecondFactor,
} from './staff-contract.ts'
import { clearDeadLetters } from './work-contract.ts'

export {
  commitGroupRoute,
  type GroupOutcome,
  type LookedUp,
  type LookUp,
  lookUpOrders,
  pruneDecisions,
  recordDecision,
  resolveDecision,
} from './agent-contract.ts'
export { customerKey } from './customer-key.ts'
export { ErasureReport, eraseCustomer } from './erasure-contract.ts'
export type { GroupCommit, PlacedOrder, Settlement } from './group-commit.ts'
export { oldRestDays } from './old-rest.ts'
export {
  Customer,
  Order,
  type OrderDetails,
  OrderLine,
  OrderList,
  type OrderStatus,
  OrderVoucher,
  orderStatuses,
  Voucher,
} from './order-schemas.ts'
export {
  decodeGroup,
  encodeGroup,
  type OrderColumns,
  type PackedGroup,
  packGroup,
  portionMax,
} from './packed-group.ts'
export {
  changePassword,
  confirmSecondFactor,
  endSession,
  endSessions,
  getSession,
  listSessions,
  logIn,
  logOut,
  offerSecondFactor,
  Session,
  SessionSummary,
} from './staff-contract.ts'
export { clearDeadLetters, getOrderWork, SagaState } from './work-contract.ts'

const byId = Type.Object({ id: Type.String() }, closed)
const byCode = Type.Object({ code: Type.String() }, closed)

export const getOrder = defineRoute({
  method: 'GET',
  path: '/api/orders/{id}',
  tag: 'Orders',
  access: orderHolder,
  params: byId,
  reply: Order,
  summary: 'Get an order',
  also: { 404: 'No such order, or the token is not its token.' },
})
export const listOrders = defineRoute({
  method: 'GET',
  path: '/api/orders',
  tag: 'Orders',
  access: staff('bookseller', 'manager'),
  reply: OrderList,
  query: Type.Object(
    {
      ...Paging,
      status: Type.Optional(OrderStatusSchema),
      email: Type.Optional(Type.String({ maxLength: 254, pattern: '^[^\\u0000-\\u001F\\u007F]*$' })),
      isbn: Type.Optional(IsbnText),
    },
    closed,
  ),
  summary: 'List orders',
})
export const payOrder = defineRoute({
  method: 'POST',
  path: '/api/orders/{id}/payment',
  tag: 'Orders',
  access: orderHolder,
  params: byId,
  status: 202,
  reply: Order,
  body: Type.Object(
    {
      method: Type.String({ minLength: 1, maxLength: 40 }),
      card: Type.String({ minLength: 8, maxLength: 40 }),
    },
    closed,
  ),
  summary: 'Pay for an order',
  also: { 409: 'The order is not waiting for a payment.' },
})
export const cancelOrder = defineRoute({
  method: 'POST',
  path: '/api/orders/{id}/cancel',
  tag: 'Orders',
  access: orderHolder,
  params: byId,
  reply: Order,
  summary: 'Cancel an order: copies and money go back, vouchers are revoked',
  also: {
    403: 'It is paid, and of the staff managers refund; or a role that sees no orders.',
    409: 'A voucher of it has been redeemed, or a payment is under way.',
  },
})
export const getVoucher = defineRoute({
  method: 'GET',
  path: '/api/vouchers/{code}',
  tag: 'Vouchers',
  access: staff('bookseller', 'manager'),
  params: byCode,
  reply: Voucher,
  summary: 'Look a voucher up',
})
export const redeemVoucher = defineRoute({
  method: 'POST',
  path: '/api/vouchers/{code}/redeem',
  tag: 'Vouchers',
  access: staff('bookseller', 'manager'),
  params: byCode,
  reply: Voucher,
  summary: 'Redeem a voucher, once',
  also: {
    409: 'It was redeemed already, at `redeemedAt`.',
    410: 'It was revoked.',
    404: 'Unknown or forged.',
  },
})
export const getVoucherKey = defineRoute({
  method: 'GET',
  path: '/api/voucher-key',
  tag: 'Vouchers',
  access: anyone,
  reply: Type.Object({
    algorithm: Type.Literal('Ed25519'),
    publicKey: Type.String({ description: 'SPKI, PEM' }),
  }),
  summary: 'The public key that tells a forged voucher without the network',
})

const RoleSchema = Type.Unsafe<Role>({ type: 'string', enum: [...roles] })

/**
 * What a watcher of an order missed, in order; the last event is always the current state. `after` is the version the
 * watcher has seen: with it every later version follows (all that are kept), without it or when there is nothing later
 * only the current state. Staff come with their `Authorization` or `Cookie` header instead of the token.
 */
export const getOrderHistory = defineRoute({
  method: 'GET',
  path: '/internal/orders/{id}/history',
  tag: 'Internal',
  access: internal,
  params: byId,
  query: Type.Object(
    {
      after: Type.Optional(Type.Integer({ minimum: 0 })),
      token: Type.Optional(Type.String({ maxLength: 200 })),
    },
    closed,
  ),
  reply: Type.Object({ events: Type.Array(Type.Object({ version: Type.Integer(), order: Order })) }),
  summary: 'Versions of an order for its live page',
  also: { 404: 'No such order, or the token is not its token.' },
})

export const introspectSession = defineRoute({
  method: 'POST',
  path: '/internal/session',
  tag: 'Internal',
  access: internal,
  body: Type.Object({ token: Type.String({ maxLength: 500 }) }),
  reply: Type.Object({
    member: Nullable(Type.Object({ email: Type.String(), roles: Type.Array(RoleSchema) })),
  }),
  summary: 'Whose staff session this is',
})

export const getVoucherStatus = defineRoute({
  method: 'GET',
  path: '/internal/vouchers/{code}/status',
  tag: 'Internal',
  access: internal,
  params: byCode,
  reply: Type.Object({
    status: Type.Union([Type.Literal('valid'), Type.Literal('redeemed'), Type.Literal('revoked')]),
  }),
  summary: 'Whether a voucher may still be shown',
})

/** Topic of `OrderChanged` messages. */
export const orderChangedTopic = 'order.changed'
/** Orders that changed in one transaction. */
export type OrderChanged = { orders: { id: string; version: number }[] }

/** The queues of messages that this service takes from. */
export const queues = ['orders-vouchers', 'orders-missing'] as const

export const publicRoutes = [
  getOrder,
  listOrders,
  payOrder,
  cancelOrder,
  getVoucher,
  redeemVoucher,
  getVoucherKey,
  logIn,
  getSession,
  logOut,
  changePassword,
  offerSecondFactor,
  confirmSecondFactor,
  listSessions,
  endSessions,
  endSession,
  eraseCustomer,
  clearDeadLetters,
]
