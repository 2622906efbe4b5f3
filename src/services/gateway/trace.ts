import type { Clock } from '#ports/clock'

/** A caller's request id when it is sane, a new one otherwise. */
export function requestIdOf(header: string | string[] | undefined, clock: Clock): string {
  return typeof header === 'string' && /^[\w.:-]{1,128}$/.test(header) ? header : clock.uuid()
}

/**
 * The trace context for the next hop: the caller's trace and flags where they are well formed, a new trace otherwise,
 * with the gateway as the parent. Source: W3C Trace Context, sections 3.2 and 4.2.
 */
export function nextTraceparent(header: string | string[] | undefined, newSpanId: () => string): string {
  const match =
    typeof header === 'string'
      ? /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-|$)/.exec(header)
      : null
  const [, version, trace = '', parent = '', flags] = match ?? []
  const isSound = match !== null && version !== 'ff' && !/^0+$/.test(trace) && !/^0+$/.test(parent)
  const traceId = isSound ? trace : newSpanId() + newSpanId()
  return `00-${traceId}-${newSpanId()}-${isSound ? flags : '01'}`
}

/** Makes span ids of 16 hexadecimal digits, asking for randomness many ids at a time. */
export function spanIds(clock: Clock): () => string {
  const idBytes = 8
  let pool = ''
  let offset = 0
  return () => {
    if (offset >= pool.length) {
      pool = clock.randomBytes(idBytes * 512).toString('hex')
      offset = 0
    }
    offset += idBytes * 2
    return pool.slice(offset - idBytes * 2, offset)
  }
}
