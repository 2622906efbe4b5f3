import type { NewOrder, Order } from '#services/gateway'
import { call, callForReply, segment } from './client.ts'
import { ApiProblem } from './problem.ts'

const placeDeadlineMs = 20_000

/**
 * Reserves copies. The same key with the same order gives the same order, however often it is sent.
 * @throws ApiProblem `out-of-stock`, `customer-limit`, `sales-not-open`, `in-flight`, …
 */
export async function placeOrder(order: NewOrder, idempotencyKey: string): Promise<Order> {
  const place = async (body: NewOrder) => {
    const headers = { 'idempotency-key': idempotencyKey }
    return (await callForReply<Order>('POST', '/api/orders', { body, headers, deadlineMs: placeDeadlineMs }))
      .data
  }
  try {
    return await place({ ...order, channel: 'shop' })
  } catch (error) {
    // While a new version comes, the one before may still answer, which knows of no channels.
    if (!(error instanceof ApiProblem && error.status === 400 && 'channel' in error.fieldErrors)) throw error
    return await place(order)
  }
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
