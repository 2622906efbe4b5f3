import type { Clock } from '#ports/clock'
import { traceparentOf } from '#ports/http'
import { isTraced, isTracing, noteSpan, nowMs } from '#ports/telemetry'
import type { Exchange } from './exchange.ts'

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

const orderAddress = /^\/api\/orders\/([0-9a-f-]{36})$/

/** The id of the order that an answer says is placed, now or by a request with the same key before. */
export function orderPlaced(status: number, location: string | undefined): string | undefined {
  if ((status !== 201 && status !== 200) || location === undefined || !isTracing()) return undefined
  const id = orderAddress.exec(location)?.[1]
  return id !== undefined && isTraced(id) ? id : undefined
}

/**
 * Orders whose first span this gateway has noted. A reader whose first answer was lost, with the coordinator say, asks
 * again: then it is that request's answer which begins the trace.
 */
const begun = new Set<string>()
const begunMax = 10_000

function begins(orderId: string): boolean {
  if (begun.has(orderId)) return false
  begun.add(orderId)
  for (const oldest of begun) {
    if (begun.size <= begunMax) break
    begun.delete(oldest)
  }
  return true
}

/** A reader's request is the first span of the order that came of it, and linked to the trace they are in themselves. */
export function traceExchange({ request, placed, requestId, response }: Exchange, seconds: number): void {
  if (placed === undefined) return
  const endMs = nowMs()
  const isFirst = begins(placed)
  const caller = traceparentOf(request.headers.traceparent)
  noteSpan({
    ...{ of: placed, isFirst, role: 'gateway', kind: 'server' },
    name: isFirst ? 'POST /api/orders' : 'POST /api/orders again',
    ...{ startMs: endMs - seconds * 1000, endMs },
    ...(caller !== undefined && { links: [caller] }),
    attributes: {
      'http.request.method': 'POST',
      'http.route': '/api/orders',
      'http.response.status_code': response.statusCode,
      'octavo.order.id': placed,
      'octavo.request.id': requestId,
    },
  })
}
