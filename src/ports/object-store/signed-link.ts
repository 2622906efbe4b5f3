import { createHmac, timingSafeEqual } from 'node:crypto'

/** Links to objects that the shop itself serves, for stores that cannot sign links of their own. */

export type LinkCheck = { kind: 'ok' } | { kind: 'expired' } | { kind: 'forged' }

/** `/api/files/<key>?expires=<ms since 1970>&signature=<base64url>`; the key is one path segment, percent-encoded. */
export function signedLink(secret: string, key: string, expiresAtMs: number): string {
  const expires = Math.floor(expiresAtMs)
  const signature = signatureOf(secret, key, expires).toString('base64url')
  return `/api/files/${encodeURIComponent(key)}?expires=${expires}&signature=${signature}`
}

/** Checks what came back with a request, in constant time as to the signature. */
export function checkLink(
  secret: string,
  link: { key: string; expires: number; signature: string },
  nowMs: number,
): LinkCheck {
  const given = Buffer.from(link.signature, 'base64url')
  const expected = signatureOf(secret, link.key, link.expires)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return { kind: 'forged' }
  return link.expires > nowMs ? { kind: 'ok' } : { kind: 'expired' }
}

/** The secret has other uses: a label derives a key for this one alone. Source: RFC 5869, in one step. */
function signatureOf(secret: string, key: string, expires: number): Buffer {
  const linkKey = createHmac('sha256', secret).update('octavo object link v1').digest()
  return createHmac('sha256', linkKey).update(`${expires}\n${key}`).digest()
}
