import { type Static, Type } from 'typebox'
import { anyone, defineRoute, internal, orderHolder, type Role, roles, staff } from '#kernel/contract'
import { closed, IsbnText, Line, MoneySchema, Nullable, Page, Paging, Timestamp, Uuid } from '#kernel/schemas'
import type { Settlement } from './group-commit.ts'

export { customerKey } from './customer-key.ts'
export type { GroupCommit, PlacedOrder, Settlement } from './group-commit.ts'
export {
  decodeGroup,
  encodeGroup,
  type OrderColumns,
  type PackedGroup,
  packGroup,
  portionMax,
} from './packed-group.ts'

export const orderStatuses = [
  'reserved',
  'paid',
  'confirmed',
  'redeemed',
  'expired',
  'cancelled',
  'refunded',
  'failed',
] as const
export type OrderStatus = (typeof orderStatuses)[number]
const OrderStatusSchema = Type.Unsafe<OrderStatus>(
  Type.Union(orderStatuses.map((status) => Type.Literal(status))),
)

export const OrderLine = Type.Object({
  isbn: Type.String(),
  title: Type.String(),
  quantity: Type.Integer(),
  unitPrice: MoneySchema,
})
export const OrderVoucher = Type.Object({
  code: Type.String(),
  isbn: Type.String(),
  status: Type.Union([Type.Literal('valid'), Type.Literal('redeemed'), Type.Literal('revoked')]),
  url: Type.String({ description: 'a signed link to the PDF that expires' }),
})
export const Customer = Type.Object(
  { name: Line(200), email: Type.String({ format: 'idn-email', maxLength: 254 }) },
  closed,
)

/** An order as its reader sees it. */
export const Order = Type.Object(
  {
    id: Uuid,
    status: OrderStatusSchema,
    customer: Customer,
    lines: Type.Array(OrderLine),
    total: MoneySchema,
    createdAt: Timestamp,
    expiresAt: Timestamp,
    /** How the current or last payment stands; null before the first attempt and for a free order. */
    payment: Nullable(
      Type.Object({
        status: Type.Union([
          Type.Literal('processing'),
          Type.Literal('declined'),
          Type.Literal('captured'),
          Type.Literal('refunded'),
        ]),
        reason: Type.Optional(Type.String()),
      }),
    ),
    vouchers: Type.Array(OrderVoucher),
    token: Type.Optional(Type.String({ description: 'only in answers to POST /api/orders' })),
  },
  { $id: 'Order' },
)
export const OrderList = Type.Object(Page(Type.Ref('Order')), { $id: 'OrderList' })
export const Voucher = Type.Object(
  {
    code: Type.String(),
    isbn: Type.String(),
    title: Type.String(),
    status: Type.Union([Type.Literal('valid'), Type.Literal('redeemed'), Type.Literal('revoked')]),
    orderId: Uuid,
    customer: Type.Object({ name: Type.String() }),
    redeemedAt: Nullable(Timestamp),
  },
  { $id: 'Voucher' },
)

export type Order = Static<typeof Order>
export type OrderLine = Static<typeof OrderLine>
export type OrderList = Omit<Static<typeof OrderList>, 'items'> & { items: Order[] }
export type Voucher = Static<typeof Voucher>

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
    403: 'It is paid, and of the staff managers refund.',
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
export const Session = Type.Object(
  { email: Type.String(), roles: Type.Array(Type.String()) },
  { $id: 'Session' },
)
export const logIn = defineRoute({
  method: 'POST',
  path: '/api/session',
  tag: 'Staff',
  access: anyone,
  body: Type.Object(
    { email: Type.String({ maxLength: 254 }), password: Type.String({ maxLength: 1000 }) },
    closed,
  ),
  reply: Type.Object({ token: Type.String() }),
  summary: 'Log in: a cookie for browsers, or a token with `Accept: application/json`',
  also: {
    204: 'Logged in; the session is in the cookie.',
    401: 'Wrong email or password.',
    429: 'Too many attempts.',
  },
})
export const getSession = defineRoute({
  method: 'GET',
  path: '/api/session',
  tag: 'Staff',
  access: staff('bookseller', 'manager', 'operator'),
  reply: Session,
  summary: 'Who is logged in',
})
export const logOut = defineRoute({
  method: 'DELETE',
  path: '/api/session',
  tag: 'Staff',
  access: anyone,
  status: 204,
  summary: 'Log out',
})

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

// The last agent of two-phase commit: its local commit carries the orders and the decision.

/** What an order was when it was placed, and stays. */
export type OrderDetails = {
  customer: { name: string; email: string }
  lines: OrderLine[]
  total: { amount: number; currency: string }
}

export type GroupOutcome =
  | { kind: 'committed' }
  /** Somebody decided this transaction before. */
  | { kind: 'fenced' }
  /** Some order's key or customer limit ran into a row that was not known; look them up and try again without. */
  | { kind: 'conflict' }
  /** These settlements do not fit their order: it is `already` there, or has gone another way (`stale`). */
  | { kind: 'refused'; orders: { orderId: string; reason: 'already' | 'stale' }[] }

const byTransaction = Type.Object({ id: Uuid }, closed)

export const commitGroupRoute = defineRoute({
  method: 'POST',
  path: '/internal/decisions/{id}/commit',
  tag: 'Internal',
  access: internal,
  params: byTransaction,
  bytes: true,
  body: Type.Unsafe<Uint8Array>({}),
  reply: Type.Unsafe<GroupOutcome>({}),
  summary: 'Commit a group of orders together with its decision',
})
export const recordDecision = defineRoute({
  method: 'POST',
  path: '/internal/decisions/{id}/record',
  tag: 'Internal',
  access: internal,
  params: byTransaction,
  body: Type.Object({ participants: Type.Array(Type.String()) }),
  reply: Type.Object({ outcome: Type.Union([Type.Literal('recorded'), Type.Literal('fenced')]) }),
  summary: 'Record a decision that carries no orders',
})
export const resolveDecision = defineRoute({
  method: 'POST',
  path: '/internal/decisions/{id}/resolve',
  tag: 'Internal',
  access: internal,
  params: byTransaction,
  reply: Type.Object({ decision: Type.Union([Type.Literal('committed'), Type.Literal('aborted')]) }),
  summary: 'What was decided; aborts for good what was not',
})
export const pruneDecisions = defineRoute({
  method: 'POST',
  path: '/internal/decisions/prune',
  tag: 'Internal',
  access: internal,
  body: Type.Object({ before: Timestamp }),
  reply: Type.Object({ pruned: Type.Integer() }),
  summary: 'Forget decisions that every participant has followed',
})

export type LookUp = {
  keys: string[]
  limits: { isbn: string; customer: string }[]
  /** Settlements whose copies were not there. */
  settlements?: Settlement[]
}
export type LookedUp = {
  /** Orders of known keys, with the hash of the body they came with. */
  known: { keyHash: string; bodyHash: string; order: Order }[]
  /** Copies that customers hold or have bought. */
  bought: { isbn: string; customer: string; quantity: number }[]
  /** How each settlement asked about stands to its order. */
  verdicts?: { orderId: string; verdict: 'fits' | 'already' | 'stale' }[]
}
export const lookUpOrders = defineRoute({
  method: 'POST',
  path: '/internal/orders/look-up',
  tag: 'Internal',
  access: internal,
  body: Type.Unsafe<LookUp>({ type: 'object' }),
  reply: Type.Unsafe<LookedUp>({}),
  summary: 'Orders by idempotency key, what customers have of limited titles, how settlements stand',
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

/** Topic of `OrderChanged` messages. */
export const orderChangedTopic = 'order.changed'
/** Orders that changed in one transaction. */
export type OrderChanged = { orders: { id: string; version: number }[] }

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
]
