import type { IncomingMessage } from 'node:http'
import { epochHeader } from '#kernel/fleet-picture'
import { callHeader } from '#kernel/signed-calls'
import { plainAddress } from '#ports/http'

/** Of one connection, and ended at the edge. Source: RFC 9110 section 7.6.1. */
const hopByHop = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
])
const notPassedIn = new Set([
  ...[...hopByHop, 'content-length', 'cookie', 'expect', 'forwarded', callHeader, epochHeader],
  ...['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'],
])

/** The cookie that keeps a reader at one cluster: a random number that names nobody. */
export const keyCookie = 'octavo-edge'

export type Forwarded = {
  protocol: 'http' | 'https'
  epoch: number
  isTrusted: (address: string) => boolean
}

/** A request's headers for a cluster, as a flat list. @param contentLength of a body that is passed on as it comes */
export function headersIn(
  request: IncomingMessage,
  { protocol, epoch, isTrusted }: Forwarded,
  contentLength: string | undefined,
): string[] {
  const named = nominated(request.headers.connection)
  const headers: string[] = []
  const raw = request.rawHeaders
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase()
    if (!notPassedIn.has(name) && !named.has(name)) headers.push(name, raw[i + 1] ?? '')
  }
  // HTTP/2 may send it in crumbs. Source: RFC 9113 section 8.2.3.
  if (request.headers.cookie !== undefined) headers.push('cookie', request.headers.cookie)
  headers.push('x-forwarded-for', clientChain(request, isTrusted))
  headers.push('x-forwarded-proto', protocol, 'x-forwarded-host', request.headers.host ?? '')
  headers.push(epochHeader, String(epoch))
  if (contentLength !== undefined) headers.push('content-length', contentLength)
  return headers
}

/** A cluster's answer headers for the reader, as a flat list. */
export function headersOut(raw: readonly Buffer[], own: readonly string[]): string[] {
  const headers = [...own]
  const named = nominated(rawHeader(raw, 'connection'))
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = textOf(raw[i]).toLowerCase()
    if (!hopByHop.has(name) && !named.has(name) && name !== epochHeader)
      headers.push(name, textOf(raw[i + 1]))
  }
  return headers
}

export function rawHeader(raw: readonly Buffer[], name: string): string | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2)
    if (textOf(raw[i]).toLowerCase() === name) return textOf(raw[i + 1])
  return undefined
}

export function cookieOf(request: IncomingMessage, name: string): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';')
  return pairs.map((pair) => pair.trim().split('=', 2)).find(([each]) => each === name)?.[1]
}

/** Whom the request comes from: the peer, and what a proxy before the edge that is known says of those before it. */
function clientChain({ socket, headers }: IncomingMessage, isTrusted: Forwarded['isTrusted']): string {
  const peer = plainAddress(socket.remoteAddress ?? '')
  const before = headers['x-forwarded-for']
  return before !== undefined && isTrusted(peer) ? `${before}, ${peer}` : peer
}

const textOf = (bytes: Buffer | undefined) => bytes?.toString('latin1') ?? ''

function nominated(connection: string | undefined): ReadonlySet<string> {
  return new Set((connection ?? '').split(',').map((name) => name.trim().toLowerCase()))
}
