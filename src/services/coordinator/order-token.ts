import { hash } from 'node:crypto'

/**
 * The reader's key to an order, made from the order's Idempotency-Key: a reader who never got the first answer gets
 * the same token with the replay, although only its hash is kept. SHA-3 of secret and message is a message
 * authentication code as it is, where SHA-2 would have to be nested in an HMAC. Source: FIPS 202, appendix A.2.
 */
export function orderToken(secret: string, idempotencyKey: string): string {
  return `order_${hash('sha3-256', `${secret}\0order-token\0${idempotencyKey}`, 'base64url')}`
}
