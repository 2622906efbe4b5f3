import { secureSessionCookie, sessionCookie } from '#ports/http'

/**
 * The session's cookie, as `Set-Cookie` has it. By https it is `Secure`, and its name says that it was set by this host.
 * Source: RFC 6265bis section 4.1.
 */
export function cookieWith(value: string, maxAgeSeconds: number, publicUrl: string): string {
  const [name, secure] = publicUrl.startsWith('https:')
    ? [secureSessionCookie, '; Secure']
    : [sessionCookie, '']
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${secure}`
}
