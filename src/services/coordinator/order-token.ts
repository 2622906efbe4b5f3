import { createHmac } from 'node:crypto'

/**
 * The reader's key to an order, made from the order's Idempotency-Key: a reader who never got the first answer gets
 * the same token with the replay, although only its hash is kept.
 */
export function orderToken(secret: string, idempotencyKey: string): string {
  return `order_${createHmac('sha256', secret).update('order-token\0').update(idempotencyKey).digest('base64url')}`
}
