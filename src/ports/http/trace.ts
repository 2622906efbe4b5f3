import { randomUUID } from 'node:crypto'

/** A caller's request id when it is sane, a new one otherwise. */
export function requestIdOf(header: string | string[] | undefined, newId: () => string = randomUUID): string {
  return typeof header === 'string' && /^[\w.:-]{1,128}$/.test(header) ? header : newId()
}

/** A well-formed `traceparent`, or nothing. Source: W3C Trace Context, section 3.2. */
export function traceparentOf(header: string | string[] | undefined): string | undefined {
  if (typeof header !== 'string') return undefined
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-|$)/.exec(header)
  if (!match || match[1] === 'ff' || /^0+$/.test(match[2] ?? '') || /^0+$/.test(match[3] ?? ''))
    return undefined
  return header
}
