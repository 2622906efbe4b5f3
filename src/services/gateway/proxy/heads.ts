import type { Exchange } from './exchange.ts'
import { headersIn, headersOut, rawHeader } from './headers.ts'
import { ownHeaders, policyFor } from './own-headers.ts'
import type { ProxyParts } from './proxy-parts.ts'
import { nextTraceparent } from './trace.ts'

/** A request's headers for its service. @param streams whether its body is passed on as it comes */
export function requestHead(
  exchange: Exchange,
  service: string,
  parts: ProxyParts,
  streams: boolean,
): string[] {
  const { request, requestId } = exchange
  return headersIn({
    rawHeaders: request.rawHeaders,
    connection: request.headers.connection,
    host: request.headers.host ?? '',
    address: exchange.client,
    protocol: parts.protocol,
    requestId,
    traceparent: nextTraceparent(request.headers.traceparent, parts.newSpanId),
    pass: parts.signer.pass(service),
    contentLength: streams ? request.headers['content-length'] : undefined,
  })
}

/** Begins the answer with a service's status and headers. @returns how long its body will be, -1 where nobody knows */
export function writeAnswerHead(exchange: Exchange, status: number, raw: readonly Buffer[]): number {
  const { response, request } = exchange
  const policy = policyFor(rawHeader(raw, 'content-type'))
  response.writeHead(status, headersOut(raw, ownHeaders(exchange, policy)))
  const length = rawHeader(raw, 'content-length')
  return length === undefined || request.method === 'HEAD' ? -1 : Number(length)
}
