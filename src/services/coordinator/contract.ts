import { anyone, defineRoute, internal, staff } from '#kernel/contract'
import { closed, IsbnText, Line } from '#kernel/schemas'
import { type Static, Type } from '#kernel/type'
import { Availability } from '#services/catalog'
import { Customer, Order, type Settlement } from '#services/orders'

export const linesMax = 20
export const quantityMax = 1_000
/** Each copy becomes a voucher of its own, and all vouchers of an order are drawn together. */
export const copiesMax = 2_000

export const NewOrder = Type.Object(
  {
    customer: Customer,
    lines: Type.Array(
      Type.Object({ isbn: IsbnText, quantity: Type.Integer({ minimum: 1, maximum: quantityMax }) }, closed),
      { minItems: 1, maxItems: linesMax },
    ),
    channel: Type.Optional(
      Type.String({
        pattern: '^[a-z][a-z0-9-]{0,29}$',
        description: 'where it was placed, for reports: `shop` is the shopping UI; without one it is `api`',
      }),
    ),
  },
  { ...closed, $id: 'NewOrder' },
)
export type NewOrder = Static<typeof NewOrder>

export const placeOrder = defineRoute({
  method: 'POST',
  path: '/api/orders',
  tag: 'Orders',
  access: anyone,
  body: NewOrder,
  reply: Order,
  status: 201,
  headers: Type.Object({
    'idempotency-key': Type.String({ minLength: 8, maxLength: 255, pattern: '^[\\x20-\\x7E]+$' }),
  }),
  summary: 'Reserve copies',
  also: {
    200: 'The same key and body were seen before: the same order again, with `Idempotent-Replayed: true`.',
    409: 'Out of stock, over the per-customer limit, sales not open, or the same key still in flight.',
    422: 'The same key was used with another body.',
    429: 'Too many orders are waiting.',
    503: 'A part of the shop is away; try again with the same key.',
  },
})
export const setStock = defineRoute({
  method: 'PUT',
  path: '/api/books/{isbn}/stock',
  tag: 'Books',
  access: staff('manager'),
  params: Type.Object({ isbn: IsbnText }, closed),
  reply: Availability,
  body: Type.Object(
    { copies: Type.Integer({ minimum: 0, maximum: 1_000_000_000 }), reason: Type.Optional(Line(500)) },
    closed,
  ),
  summary: 'Set the copies owned',
  also: { 409: 'Fewer than are sold and held.', 429: 'Too much is waiting.' },
})

/** What became of each settlement: `stale` when its order has gone another way, `failed` when it should be tried again. */
export type SettlementOutcome = { orderId: string; kind: 'settled' | 'stale' | 'failed' }

export const settleOrders = defineRoute({
  method: 'POST',
  path: '/internal/settlements',
  tag: 'Internal',
  access: internal,
  body: Type.Unsafe<{ settlements: Settlement[] }>({ type: 'object' }),
  reply: Type.Unsafe<{ outcomes: SettlementOutcome[] }>({}),
  summary: 'Confirm, release or return copies together with the status of their orders',
})

export const publicRoutes = [placeOrder, setStock]
