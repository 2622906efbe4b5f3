import type { IncomingMessage } from 'node:http'
import { Problem } from '#kernel/problem'
import { sessionCookie } from '#ports/http'
import { isSafe } from './safe-methods.ts'

/**
 * Refuses a change that another site makes with a bookseller's session cookie. The cookie is `SameSite=Strict`; this is
 * the second lock. Source: OWASP, Cross-Site Request Forgery Prevention, "Verifying Origin".
 */
export function checkOrigin(request: IncomingMessage, ownOrigin: string): Problem | undefined {
  const { cookie, host, origin, 'sec-fetch-site': site } = request.headers
  if (isSafe(request.method) || !cookie?.includes(`${sessionCookie}=`)) return undefined
  if (origin === undefined) {
    // Programs send neither header; browsers send at least one of them.
    const isOwn = site === undefined || site === 'same-origin' || site === 'none'
    return isOwn ? undefined : crossSite()
  }
  const isOwn = origin === ownOrigin || origin === `http://${host}` || origin === `https://${host}`
  return isOwn ? undefined : crossSite()
}

const crossSite = () =>
  new Problem(403, 'cross-site', 'A change with a staff session has to come from the shop itself.')
