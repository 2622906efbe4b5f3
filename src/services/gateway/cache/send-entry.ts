import { isFresh } from '#ports/http'
import type { Exchange } from '../proxy/exchange.ts'
import { ownHeaders, policyFor } from '../proxy/own-headers.ts'
import type { Kept } from './entries.ts'
import { encodingsOf } from './packed.ts'

/** How the cache came by an answer, as RFC 9211 names it. */
export type Served =
  | { kind: 'hit' }
  /** It was asked for, because there was none or none that was fresh; `collapsed` when somebody else did the asking. */
  | { kind: 'fetched'; why: 'uri-miss' | 'stale'; collapsed: boolean }
  /** Older than it should be, because its service is away or slow. */
  | { kind: 'stale'; detail: 'origin-away' | 'origin-slow' | 'revalidating' }

/** Answers with an entry: whole, compressed, or as 304 to somebody who has it. */
export function sendEntry(exchange: Exchange, entry: Kept, served: Served, nowMs: number): void {
  const { request, response } = exchange
  if (response.headersSent || response.destroyed) return
  const ageMs = Math.max(0, nowMs - entry.madeAtMs)
  const { etag, 'content-type': type, ...others } = entry.headers
  const headers = ownHeaders(exchange, policyFor(type))
  headers.push('age', String(Math.floor(ageMs / 1000)))
  headers.push('cache-status', statusText(served, entry.freshUntilMs - nowMs))
  for (const [name, value] of Object.entries(others)) headers.push(name, value)
  headers.push('vary', 'accept-encoding')
  if (etag !== undefined && isFresh(request.headers['if-none-match'], etag)) {
    response.writeHead(304, [...headers, 'etag', etag])
    response.end()
    return
  }
  if (type !== undefined) headers.push('content-type', type)
  for (const encoding of encodingsOf(request.headers['accept-encoding'])) {
    const form = entry.packed.take(encoding)
    if (form === undefined) continue
    // Other bytes under the same strong tag would be a lie. Source: RFC 9110 section 8.8.3.3.
    if (etag !== undefined) headers.push('etag', etag.startsWith('W/') ? etag : `W/${etag}`)
    send(exchange, [...headers, 'content-encoding', encoding], form)
    return
  }
  if (etag !== undefined) headers.push('etag', etag)
  send(exchange, headers, entry.body)
}

function send({ request, response }: Exchange, headers: string[], body: Buffer): void {
  headers.push('content-length', String(body.length))
  response.writeHead(200, headers)
  response.end(request.method === 'HEAD' ? undefined : body)
}

function statusText(served: Served, ttlMs: number): string {
  const ttl = `ttl=${Math.floor(ttlMs / 1000)}`
  switch (served.kind) {
    case 'hit':
      return `octavo; hit; ${ttl}`
    case 'fetched':
      return `octavo; fwd=${served.why}; stored${served.collapsed ? '; collapsed' : ''}`
    case 'stale':
      return `octavo; hit; ${ttl}; detail=${served.detail}`
  }
}
