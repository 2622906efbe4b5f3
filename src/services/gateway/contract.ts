import { Type } from 'typebox'
import { anyone, defineRoute, orderHolder } from '#kernel/contract'
import { closed, IsbnText } from '#kernel/schemas'
import * as catalog from '#services/catalog'
import * as coordinator from '#services/coordinator'
import * as orders from '#services/orders'
import * as vouchers from '#services/vouchers'

const tooManyStreams = { 429: 'Too many streams are open already.' }

/** Server-sent events, answered by the gateway itself. Source: WHATWG HTML, section 9.2. */
export const availabilityEvents = defineRoute({
  method: 'GET',
  path: '/api/books/{isbn}/availability/events',
  tag: 'Books',
  access: anyone,
  params: Type.Object({ isbn: IsbnText }, closed),
  summary: 'Server-sent events: `availability` on connect and on every change',
  also: tooManyStreams,
})
export const orderEvents = defineRoute({
  method: 'GET',
  path: '/api/orders/{id}/events',
  tag: 'Orders',
  access: orderHolder,
  params: Type.Object({ id: Type.String() }, closed),
  query: Type.Object({ token: Type.Optional(Type.String({ maxLength: 200 })) }, closed),
  headers: Type.Object({ 'last-event-id': Type.Optional(Type.String()) }),
  summary:
    'Server-sent events: `order` with the whole order on connect and on every change; `Last-Event-ID` replays',
  also: tooManyStreams,
})

/** The whole public API, for its reference page and for typed clients. */
export const publicRoutes = [
  ...catalog.publicRoutes,
  ...orders.publicRoutes,
  ...coordinator.publicRoutes,
  ...vouchers.publicRoutes,
  availabilityEvents,
  orderEvents,
]

export type { Availability, Book, BookList, Import, NewBook } from '#services/catalog'
export type { NewOrder } from '#services/coordinator'
export type { Order, OrderList, OrderStatus, Voucher } from '#services/orders'
