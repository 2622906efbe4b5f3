import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
} from 'node:http2'
import type { Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { inPortions } from './portions.ts'

type Handle = (request: IncomingMessage, response: ServerResponse) => void

export type Http2Door = {
  /** Lets go of the connections that nobody uses; the others when their answers have gone. */
  close(): void
  closeAll(): void
}

export type Http2Limits = { headerBytesMax: number; headersMax: number; idleMs: number }

/** Requests at once on one connection; a page of ours makes a dozen. */
const streamsMax = 100
/** What one connection may hold in memory, in megabytes. */
const memoryMax = 4
/** Requests that one connection may take back, at once and a second: a browser does when its reader goes elsewhere. */
const resets = { streamResetBurst: 2 * streamsMax, streamResetRate: 33 }
const sweepEveryMs = 1_000

/**
 * Takes over the connections of a TLS server whose clients choose HTTP/2 (ALPN); the others stay as they are. A request
 * of HTTP/2 is handed on in the clothes of HTTP/1.1, so that nothing behind this has to know.
 * Source: RFC 9113; RFC 7301 (ALPN).
 */
export function serveHttp2(server: Server, handle: Handle, limits: Http2Limits): Http2Door {
  const http2 = createServer({
    ...resets,
    maxSessionMemory: memoryMax,
    maxHeaderListPairs: limits.headersMax,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    settings: {
      maxConcurrentStreams: streamsMax,
      maxHeaderListSize: limits.headerBytesMax,
      enableConnectProtocol: false,
    },
  })
  const sessions = new Map<Http2Session, { open: number; idleSinceMs: number }>()
  const serve = (request: Http2ServerRequest, response: Http2ServerResponse) => {
    const { stream } = request
    const session = stream.session && sessions.get(stream.session)
    if (session) {
      session.open++
      stream.once('close', () => {
        session.open--
        session.idleSinceMs = performance.now()
      })
    }
    begin({ request, response })
  }
  // One reading of a connection may bring hundreds, and take them back in the same breath.
  const begin = inPortions(
    ({ request, response }: { request: Http2ServerRequest; response: Http2ServerResponse }) => {
      if (!request.stream.destroyed) handle(...asHttp1(request, response))
    },
  )
  http2.on('session', (session) => {
    sessions.set(session, { open: 0, idleSinceMs: performance.now() })
    session.once('close', () => sessions.delete(session))
    // What goes wrong on a connection ends with it.
    session.on('error', () => {})
  })
  for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) http2.on(event, serve)
  const sweeping = setInterval(() => {
    const before = performance.now() - limits.idleMs
    for (const [session, { open, idleSinceMs }] of sessions)
      if (open === 0 && idleSinceMs < before) session.close()
  }, sweepEveryMs)
  sweeping.unref()
  const sockets = new Set<TLSSocket>()
  takeOver(server, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    http2.emit('connection', socket)
  })
  return {
    close() {
      clearInterval(sweeping)
      for (const session of sessions.keys()) session.close()
    },
    closeAll() {
      // A session that was told to close would wait for its client to end the connection, for as long as that takes.
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Whoever chose HTTP/2 goes there, and everybody else where they always went. */
function takeOver(server: Server, serve: (socket: TLSSocket) => void): void {
  const before = server.listeners('secureConnection')
  server.removeAllListeners('secureConnection')
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') serve(socket)
    else for (const listener of before) listener.call(server, socket)
  })
}

/**
 * Node's own compatibility goes most of the way. What is left: names that begin with a colon are no headers, the authority
 * is the host, a body need not be told of before, and some of what is asked of a request or an answer is not there.
 */
function asHttp1(
  request: Http2ServerRequest,
  response: Http2ServerResponse,
): [IncomingMessage, ServerResponse] {
  const { stream, headers, rawHeaders, authority, method, url } = request
  // They are read from the headers that go.
  Object.defineProperties(request, { method: { value: method }, url: { value: url } })
  for (const name of Object.keys(headers)) if (name.startsWith(':')) delete headers[name]
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2)
    if (rawHeaders[i]?.startsWith(':')) rawHeaders.splice(i, 2)
  if (authority) {
    // Two of them that agree are one; two that do not are refused as two are. Source: RFC 9113 section 8.3.1.
    if (headers.host !== authority) rawHeaders.push('host', authority)
    headers.host ??= authority
  }
  const isWhole = stream.endAfterHeaders
  if (!isWhole && headers['content-length'] === undefined) headers['transfer-encoding'] = 'chunked'
  Object.defineProperty(request, 'complete', { get: () => isWhole || request.readableEnded })
  Object.defineProperty(response, 'destroyed', { get: () => stream.destroyed })
  return [request as unknown as IncomingMessage, response as unknown as ServerResponse]
}
