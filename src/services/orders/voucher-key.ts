import { createPublicKey } from 'node:crypto'
import type { HttpServer } from '#ports/http'
import { getVoucherKey } from '#services/orders'
import type { Context } from './context.ts'

export function addKeyRoute(server: HttpServer, { voucherKey }: Context): void {
  const publicKey = createPublicKey(voucherKey).export({ type: 'spki', format: 'pem' }).toString()
  server.add(getVoucherKey, async () => ({ algorithm: 'Ed25519' as const, publicKey }))
}
