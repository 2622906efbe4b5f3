import { createHash } from 'node:crypto'

/** A strong entity tag of a representation. Source: RFC 9110 section 8.8.3. */
export function etagOf(text: string): string {
  return `"${createHash('sha1').update(text).digest('base64url')}"`
}

/** Whether `If-None-Match` names this tag, by weak comparison. Source: RFC 9110 section 13.1.2. */
export function isFresh(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  const strong = (tag: string) => tag.trim().replace(/^W\//, '')
  return ifNoneMatch.split(',').some((tag) => strong(tag) === strong(etag))
}
