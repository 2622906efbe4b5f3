import { anyone, defineRoute, orderHolder, staff } from '#kernel/contract'
import { closed, IsbnText } from '#kernel/schemas'
import { Type } from '#kernel/type'
import { System } from './system/system-schemas.ts'

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

/** How the store does, as one gateway sees it, for its operators. */
export const getSystem = defineRoute({
  method: 'GET',
  path: '/api/system',
  tag: 'System',
  access: staff('operator'),
  reply: System,
  summary: 'What runs, what is cut off, what is at work, and the last hour in numbers',
})

/** What the gateway answers itself of the public API; the rest it passes on. */
export const ownRoutes = [availabilityEvents, orderEvents, getSystem]

export type { Availability, Book, BookList, Import, NewBook } from '#services/catalog'
export type { NewOrder } from '#services/coordinator'
export type { Order, OrderList, OrderStatus, Voucher } from '#services/orders'
export { System } from './system/system-schemas.ts'
