import type { Clock } from '#ports/clock'
import { traceparentOf } from '#ports/http'

/**
 * The trace context for the next hop: the caller's trace and flags where they are well formed, a new trace otherwise,
 * with the gateway as the parent. Source: W3C Trace Context, sections 3.2 and 4.2.
 */
export function nextTraceparent(header: string | string[] | undefined, newSpanId: () => string): string {
  const [, traceId = newSpanId() + newSpanId(), , flags = '01'] = traceparentOf(header)?.split('-') ?? []
  return `00-${traceId}-${newSpanId()}-${flags}`
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
