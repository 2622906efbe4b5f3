import { epochHeader } from '#kernel/fleet-picture'
import { fullHeader } from '#kernel/problem'
import { callHeader } from '#ports/http'
import type { Exchange } from './exchange.ts'
import { ownHeaders, policyFor } from './own-headers.ts'
import type { ProxyParts } from './proxy-parts.ts'
import { nextTraceparent } from './trace.ts'

/** Headers that belong to one connection and end at the gateway. Source: RFC 9110 section 7.6.1. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Replaced by what the gateway knows itself, or not for a caller to set. */
const notPassedIn = new Set([
  ...hopByHop,
  callHeader,
  epochHeader,
  'content-length',
  'expect',
  'forwarded',
  'host',
  'traceparent',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id',
])
/** Not for a caller to get: of the hop alone, or set by the gateway. */
export const notPassedOut = new Set([
  ...hopByHop,
  'x-request-id',
  'x-content-type-options',
  'traceparent',
  fullHeader,
])

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
  exchange.onAnswer?.()
  const length = rawHeader(raw, 'content-length')
  return length === undefined || request.method === 'HEAD' ? -1 : Number(length)
}

type RequestHeaders = {
  rawHeaders: readonly string[]
  connection: string | undefined
  host: string
  address: string
  protocol: 'http' | 'https'
  requestId: string
  traceparent: string
  /** Shows the service that the gateway passes it on. */
  pass: string
  /** Length of a body that is streamed; a body sent whole gets its own. */
  contentLength: string | undefined
}

/** The headers of a request to an upstream, as a flat list of names and values. */
function headersIn(from: RequestHeaders): string[] {
  const nominated = namesIn(from.connection)
  const headers: string[] = []
  const raw = from.rawHeaders
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase()
    if (notPassedIn.has(name) || nominated?.has(name)) continue
    headers.push(name, raw[i + 1] ?? '')
  }
  headers.push('x-request-id', from.requestId, 'traceparent', from.traceparent)
  headers.push('x-forwarded-for', from.address, 'x-forwarded-proto', from.protocol)
  headers.push('x-forwarded-host', from.host, callHeader, from.pass)
  if (from.contentLength !== undefined) headers.push('content-length', from.contentLength)
  return headers
}

/** An upstream's answer headers for the caller, as a flat list; `own` come first. */
function headersOut(raw: readonly Buffer[], own: readonly string[]): string[] {
  const headers = own.slice()
  let nominated: Set<string> | undefined
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = textOf(raw[i])
    const lower = name.toLowerCase()
    if (lower === 'connection') nominated = namesIn(textOf(raw[i + 1]))
    if (!notPassedOut.has(lower)) headers.push(lower, textOf(raw[i + 1]))
  }
  return nominated === undefined ? headers : without(headers, nominated)
}

/** One answer header, or undefined. */
export function rawHeader(raw: readonly Buffer[], name: string): string | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const key = raw[i]
    if (key?.length === name.length && textOf(key).toLowerCase() === name) return textOf(raw[i + 1])
  }
  return undefined
}

const textOf = (bytes: Buffer | undefined) => bytes?.toString('latin1') ?? ''

function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let i = 0; i + 1 < headers.length; i += 2)
    if (!names.has(headers[i] ?? '')) kept.push(headers[i] ?? '', headers[i + 1] ?? '')
  return kept
}

/**
 * What `Connection` says of itself, and what is meant for whoever answers: without its key a request would be another one
 * than this gateway takes it for. Source: RFC 9110 section 7.6.1.
 */
const notNominated = new Set([
  ...['close', 'keep-alive'],
  ...['idempotency-key', 'authorization', 'cookie', 'content-type'],
])

/** Header names that `Connection` nominates beyond the usual; most connections nominate none. */
function namesIn(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined) return undefined
  const names = connection
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !notNominated.has(name))
  return names.length === 0 ? undefined : new Set(names)
}
