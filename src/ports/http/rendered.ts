import type { IncomingHttpHeaders } from 'node:http'
import type { Route } from '#kernel/contract'
import type { Problem } from '#kernel/problem'
import { Answer } from './answer.ts'
import { etagOf, isFresh } from './etag.ts'
import { traceparentOf } from './trace.ts'

/** An answer as it goes out. */
export type Rendered = {
  status: number
  headers: Record<string, string>
  body: string | Uint8Array | undefined
}

/** What of a request its answer depends on. */
export type Asked = { id: string; headers: IncomingHttpHeaders }

/** A handler's result as the answer to a request of its route, with entity tag and trace. */
export function rendered(asked: Asked, route: Route, result: unknown): Rendered {
  const { status, body, headers } =
    result instanceof Answer ? result : { status: route.status ?? 200, body: result, headers: {} }
  const out: Record<string, string> = { 'x-request-id': asked.id, ...headers }
  const traceparent = traceparentOf(asked.headers.traceparent)
  if (traceparent !== undefined) out.traceparent = traceparent
  if (body === undefined || body === null) return { status, headers: out, body: undefined }
  if (typeof body === 'string' || body instanceof Uint8Array) return { status, headers: out, body }
  const text = JSON.stringify(body)
  // What not everybody may see is nobody's to keep, a shared computer's browser least of all.
  if (route.access.kind !== 'public') out['cache-control'] ??= 'no-store'
  if (route.method === 'GET' && status === 200) {
    out.etag ??= etagOf(text)
    out['cache-control'] ??= 'no-cache'
    if (isFresh(asked.headers['if-none-match'], out.etag))
      return { status: 304, headers: out, body: undefined }
  }
  out['content-type'] = 'application/json; charset=utf-8'
  return { status, headers: out, body: text }
}

/** @param url path of the request, with or without its query */
export function renderedProblem(problem: Problem, requestId: string, url: string): Rendered {
  return {
    status: problem.status,
    headers: {
      ...problem.headers,
      'content-type': 'application/problem+json; charset=utf-8',
      'cache-control': 'no-store',
      'x-request-id': requestId,
    },
    body: JSON.stringify(problem.toBody(url.split('?', 1)[0] ?? url)),
  }
}
