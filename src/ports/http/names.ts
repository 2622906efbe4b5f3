/** Proves that a call comes from another Octavo process. Stripped by the gateway from what comes from outside. */
export const internalHeader = 'x-octavo-secret'
/** The staff session's cookie. */
export const sessionCookie = 'octavo_session'

/** One cookie of a `Cookie` header. Source: RFC 6265 section 4.2. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const [key, value] = pair.trim().split('=', 2)
    if (key === name) return value
  }
  return undefined
}
