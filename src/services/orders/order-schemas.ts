import { closed, Line, MoneySchema, Nullable, Page, Timestamp, Uuid } from '#kernel/schemas'
import { type Static, Type } from '#kernel/type'

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
export const OrderStatusSchema = Type.Unsafe<OrderStatus>(
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

/** What an order was when it was placed, and stays. */
export type OrderDetails = {
  customer: { name: string; email: string }
  lines: OrderLine[]
  total: { amount: number; currency: string }
}
