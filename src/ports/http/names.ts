/** The staff session's cookie. */
export const sessionCookie = 'octavo_session'
/** By https: with this prefix no other host, nor plain http, can have set it. Source: RFC 6265bis section 4.1.3.2. */
export const secureSessionCookie = `__Host-${sessionCookie}`

/** The session's token of a `Cookie` header. */
export const sessionTokenOf = (header: string | undefined): string | undefined =>
  cookieOf(header, secureSessionCookie) ?? cookieOf(header, sessionCookie)

/** One cookie of a `Cookie` header, however long that is. Source: RFC 6265 section 4.2. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  const text = header ?? ''
  for (let at = text.indexOf(`${name}=`); at !== -1; at = text.indexOf(`${name}=`, at + 1)) {
    if (!isStartOfPair(text, at)) continue
    const end = text.indexOf(';', at)
    return text.slice(at + name.length + 1, end === -1 ? undefined : end).trim()
  }
  return undefined
}

function isStartOfPair(text: string, at: number): boolean {
  let before = at - 1
  while (text[before] === ' ') before--
  return before < 0 || text[before] === ';'
}
