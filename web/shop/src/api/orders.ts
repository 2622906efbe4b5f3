import type { NewOrder, Order } from '#services/gateway'
import { call, callForReply, segment } from './client.ts'

const placeDeadlineMs = 20_000

/**
 * Reserves copies. The same key with the same order gives the same order, however often it is sent.
 * @throws ApiProblem `out-of-stock`, `customer-limit`, `sales-not-open`, `in-flight`, …
 */
export async function placeOrder(order: NewOrder, idempotencyKey: string): Promise<Order> {
  const reply = await callForReply<Order>('POST', '/api/orders', {
    body: order,
    headers: { 'idempotency-key': idempotencyKey },
    deadlineMs: placeDeadlineMs,
  })
  return reply.data
}

export const getOrder = (id: string, token: string) =>
  call<Order>('GET', `/api/orders/${segment(id)}`, { token })

/** Starts a payment; how it goes comes with the order's events. */
export const payOrder = (id: string, token: string, card: string) =>
  call<Order>('POST', `/api/orders/${segment(id)}/payment`, { token, body: { method: 'test', card } })

export const cancelOrder = (id: string, token: string) =>
  call<Order>('POST', `/api/orders/${segment(id)}/cancel`, { token })

export const orderEventsUrl = (id: string, token: string) =>
  `/api/orders/${segment(id)}/events?token=${segment(token)}`
