import type { IncomingMessage } from 'node:http'
import { sessionCookie } from '#ports/http'

const plainSession = new RegExp(`(^|;) *${sessionCookie}=[^;]*`, 'g')
const anySession = new RegExp(`(^|;) *(?:__Host-)?${sessionCookie}=[^;]*`, 'g')

/**
 * By https a session's cookie has a prefix that no other host and no plain http can give it. One without may be theirs, put
 * there so that staff work in somebody else's session: nobody behind this door sees it.
 * Source: RFC 6265bis section 4.1.3.2.
 */
export const dropPlainSession = (request: IncomingMessage) => drop(request, plainSession)

/** Where the console has a host of its own, no other takes a session by its cookie. */
export const dropSession = (request: IncomingMessage) => drop(request, anySession)

function drop({ headers, rawHeaders }: IncomingMessage, sessions: RegExp): void {
  if (!headers.cookie?.includes(sessionCookie)) return
  const without = (cookie: string) => cookie.replaceAll(sessions, '')
  headers.cookie = without(headers.cookie)
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (rawHeaders[i]?.toLowerCase() === 'cookie') rawHeaders[i + 1] = without(rawHeaders[i + 1] ?? '')
}
