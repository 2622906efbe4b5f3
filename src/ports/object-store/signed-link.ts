import { createHmac } from 'node:crypto'
import { secretLines, signingSecret } from '#kernel/shared-secret'
import { isSame } from '#kernel/signed-calls'

/** Links to objects that the shop itself serves, for stores that cannot sign links of their own. */

export type LinkCheck = { kind: 'ok' } | { kind: 'expired' } | { kind: 'forged' }

/** `/api/files/<key>?expires=<ms since 1970>&signature=<base64url>`; the key is one path segment, percent-encoded. */
export function signedLink(secret: string, key: string, expiresAtMs: number): string {
  const expires = Math.floor(expiresAtMs)
  const signature = signatureOf(signingSecret(secret), key, expires)
  return `/api/files/${encodeURIComponent(key)}?expires=${expires}&signature=${signature}`
}

/** Checks what came back with a request, in constant time as to the signature. */
export function checkLink(
  secret: string,
  link: { key: string; expires: number; signature: string },
  nowMs: number,
): LinkCheck {
  const isOf = (line: string) => isSame(link.signature, signatureOf(line, link.key, link.expires))
  if (!secretLines(secret).some(isOf)) return { kind: 'forged' }
  return link.expires > nowMs ? { kind: 'ok' } : { kind: 'expired' }
}

/** The secret has other uses: a label derives a key for this one alone. Source: RFC 5869, in one step. */
function signatureOf(secret: string, key: string, expires: number): string {
  const linkKey = createHmac('sha256', secret).update('octavo object link v1').digest()
  return createHmac('sha256', linkKey).update(`${expires}\n${key}`).digest('base64url')
}
