import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Problem } from '#kernel/problem'
import type { Clock } from '#ports/clock'
import {
  inPortions,
  keepCertificateFresh,
  oneAtATime,
  readCertificate,
  refuseTinyChunks,
  requestIdOf,
  serveHttp2,
  shareConnections,
  type TlsFiles,
} from '#ports/http'
import { logger } from '#ports/log'
import type { ConsoleHost } from './console-host.ts'
import type { Metrics } from './metrics.ts'
import type { ClientAddress } from './proxy/client-address.ts'
import { answerMs, type Exchange, hasBody, sendProblem } from './proxy/exchange.ts'
import { answerMalformed, TinyChunks } from './proxy/malformed.ts'
import { tooSlow } from './proxy/proxy-problems.ts'
import { traceExchange } from './proxy/trace.ts'
import { createRefusalLog } from './refusal-log.ts'
import { faultOf, headersMax } from './request-fault.ts'
import { dropPlainSession, dropSession } from './session-cookie.ts'
import { slowestReaders } from './unread.ts'

const log = logger('gateway')

export type PublicServer = AsyncDisposable & {
  /** @returns the port it got */
  listen(at: { host: string; port: number }): Promise<number>
  /** Requests that are not answered in full yet. */
  readonly open: number
}

export type PublicServerOptions = {
  clientOf: ClientAddress
  /** Whether a peer stands for many clients, such as a proxy before this gateway. */
  isManyClients: (address: string) => boolean
  /** Names this store is known by; undefined where nobody has said. */
  hosts: ReadonlySet<string> | undefined
  consoleHost: ConsoleHost | undefined
  tls: TlsFiles | undefined
  /** Whether readers come by https, to here or to a proxy before it. */
  isSecure: boolean
  publicUrl: string
  clock: Clock
  metrics: Metrics
  /** Answers a request that has passed the checks common to all. */
  answer: (exchange: Exchange) => void
  /** Called when no new request is taken any more, before waiting for those under way. */
  onClosing: () => void
}

const headerBytesMax = 16 * 1024
const headersTimeoutMs = 10_000
/** Node's name for a head that did not come in time. */
const requestTimeout = 'ERR_HTTP_REQUEST_TIMEOUT'
/** How a client and this server agree on HTTP/2 or 1.1, and how long they may take. Source: RFC 7301. */
const negotiation = { ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: 10_000 }
/** For a request until its route has set a limit of its own. */
const requestTimeoutMs = 15_000
const sweepEveryMs = 250
/** For the answer to a request that took too long. */
const farewellMs = 10_000
/** What is in flight when the gateway closes gets this long, a little less than the whole process has. */
const closeTimeoutMs = 5_000
const idleMs = 65_000
/** What is counted when the client went before it had an answer: 200 is what Node would say. As nginx calls it. */
const clientGone = 499
const http2Limits = { headerBytesMax, headersMax, idleMs }

/** The one public door: HTTP/1.1, and over TLS HTTP/2, with limits on everything a stranger can send. */
export function createPublicServer(options: PublicServerOptions): PublicServer {
  const { clock } = options
  const open = new Set<Exchange>()
  let isClosing = false
  const noteRefusal = createRefusalLog(clock.monotonicMs)
  const shopOrigin = new URL(options.publicUrl).origin
  const answer = (exchange: Exchange) => {
    const { consoleHost } = options
    // A page of the shop is of the same site as the console, whose cookie it would be sent with.
    const ownOrigin = consoleHost?.isOwn(exchange.request) ? consoleHost.origin : shopOrigin
    const problem = faultOf(exchange, ownOrigin, options.hosts)
    if (problem !== undefined) sendProblem(exchange, problem)
    else {
      if (consoleHost?.isOwn(exchange.request) === false) dropSession(exchange.request)
      else if (shopOrigin.startsWith('https:')) dropPlainSession(exchange.request)
      options.answer(exchange)
    }
  }
  const underWay = new WeakMap<Duplex, Exchange>()
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const exchange = begin(request, response, options)
    open.add(exchange)
    underWay.set(request.socket, exchange)
    if (isClosing) response.shouldKeepAlive = false
    // What goes wrong on a connection ends with it, and 'close' tells.
    response.on('error', () => {})
    response.on('close', () => {
      open.delete(exchange)
      const seconds = (clock.monotonicMs() - exchange.startedMs) / 1000
      const status = response.headersSent ? response.statusCode : clientGone
      options.metrics.answered(request.method ?? '', exchange.label, status, seconds)
      traceExchange(exchange, seconds)
      noteRefusal(exchange.client, response.statusCode, exchange.requestId)
    })
    answerSafely(exchange, answer)
  }
  const refuse = (error: Error, socket: Duplex) => {
    if ((error as NodeJS.ErrnoException).code === requestTimeout) refuseLate({ error, socket })
    else refuseNow(error, socket)
  }
  const refuseLate = inPortions(({ error, socket }: { error: Error; socket: Duplex }) => {
    const exchange = underWay.get(socket)
    // Its head has come at the last moment, before its turn.
    if (exchange === undefined || !open.has(exchange)) refuseNow(error, socket)
  })
  const refuseNow = (error: Error, socket: Duplex) => {
    const exchange = underWay.get(socket)
    // What comes behind a whole request is not its fault, and what is said to that would be taken for its answer.
    const isBehind = exchange?.request.complete || exchange?.response.headersSent
    if (exchange !== undefined && open.has(exchange) && isBehind) (socket as Socket).destroySoon()
    else noteRefusal((socket as Socket).remoteAddress ?? '', answerMalformed(error, socket, options.isSecure))
  }
  const inTurn = oneAtATime(handle)
  const take = (request: IncomingMessage, response: ServerResponse) => {
    // The parser takes a head of HTTP/1.1 that calls itself 2.0 as well.
    if (request.httpVersionMajor !== 1) return refuse(new Error('no such version'), request.socket)
    if (hasBody(request)) refuseTinyChunks(request, () => refuse(new TinyChunks(), request.socket))
    inTurn(request, response)
  }
  const takeHttp2 = (request: IncomingMessage, response: ServerResponse) => {
    if (hasBody(request)) refuseTinyChunks(request, () => response.destroy())
    handle(request, response)
  }
  const server = listeningTo(take, refuse, options.tls)
  shareConnections(server, options.isManyClients)
  const freshening = options.tls && keepCertificateFresh(server as TlsServer, options.tls)
  const http2 = options.tls && serveHttp2(server as TlsServer, takeHttp2, http2Limits)
  const expireInTurn = inPortions((exchange: Exchange) => {
    const now = clock.monotonicMs()
    if (exchange.expiresMs <= now && open.has(exchange)) expire(exchange, now)
  })
  const sweeping = setInterval(() => {
    const now = clock.monotonicMs()
    for (const exchange of open) if (exchange.expiresMs <= now) expireInTurn(exchange)
    for (const { response } of slowestReaders(open)) response.destroy()
  }, sweepEveryMs)
  return {
    get open() {
      return open.size
    },
    listen: ({ host, port }) => listen(server, host, port),
    async [Symbol.asyncDispose]() {
      isClosing = true
      for (const { response } of open) if (!response.headersSent) response.shouldKeepAlive = false
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      options.onClosing()
      http2?.close()
      const idling = setInterval(() => server.closeIdleConnections(), 50)
      const timeout = setTimeout(() => {
        server.closeAllConnections()
        http2?.closeAll()
      }, closeTimeoutMs)
      await closed
      clearTimeout(timeout)
      clearInterval(idling)
      clearInterval(sweeping)
      freshening?.[Symbol.dispose]()
    },
  }
}

/** Ends an exchange that took too long; a caller that does not take the answer to that either is cut off. */
function expire(exchange: Exchange, nowMs: number): void {
  const { response, startedMs } = exchange
  // All has been said, and the line is slow.
  if (response.writableEnded && nowMs < startedMs + answerMs) {
    exchange.expiresMs = startedMs + answerMs
    return
  }
  exchange.expire()
  exchange.expiresMs = nowMs + farewellMs
  exchange.expire = () => exchange.response.destroy()
}

function listeningTo(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  refuse: (error: Error, socket: Duplex) => void,
  tls: TlsFiles | undefined,
): Server {
  const settings = {
    maxHeaderSize: headerBytesMax,
    requireHostHeader: false,
    keepAliveTimeout: idleMs,
    headersTimeout: headersTimeoutMs,
    // Bodies have deadlines of their own: an import may take an hour, an order may not.
    requestTimeout: 0,
    connectionsCheckingInterval: 100,
    noDelay: true,
  }
  const server =
    tls === undefined
      ? createServer(settings)
      : createTlsServer({ ...settings, ...readCertificate(tls), ...negotiation })
  server.maxHeadersCount = headersMax * 2
  server.on('request', handle)
  server.on('checkContinue', handle)
  server.on('checkExpectation', handle)
  server.on('clientError', refuse)
  server.on('connect', (_request, socket) => refuse(new Error('CONNECT is not served'), socket))
  return server
}

function begin(request: IncomingMessage, response: ServerResponse, options: PublicServerOptions): Exchange {
  const startedMs = options.clock.monotonicMs()
  const target = originForm(request.url ?? '')
  const query = target.indexOf('?')
  const exchange: Exchange = {
    request,
    response,
    requestId: requestIdOf(request.headers['x-request-id'], options.clock.uuid),
    target,
    path: query === -1 ? target : target.slice(0, query),
    startedMs,
    client: options.clientOf(request),
    isSecure: options.isSecure,
    limitHeaders: [],
    outcome: 'neither',
    label: 'none',
    expire: () => sendProblem(exchange, tooSlow()),
    expiresMs: startedMs + requestTimeoutMs,
  }
  return exchange
}

/** `http://host/path` means `/path` here. Source: RFC 9112 section 3.2.2. */
function originForm(url: string): string {
  const match = /^https?:\/\/[^/?#]*(.*)$/i.exec(url)
  if (match === null) return url
  const [, rest = ''] = match
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** A bug of ours in one answer is logged and must not end the others. */
function answerSafely(exchange: Exchange, answer: (exchange: Exchange) => void): void {
  try {
    answer(exchange)
  } catch (error) {
    answerFault(exchange, error)
  }
}

/** The answer to an error nobody expected: it says that we know, and nothing else. */
export function answerFault(exchange: Exchange, error: unknown): void {
  if (error instanceof Problem) {
    sendProblem(exchange, error)
    return
  }
  const { request, path, requestId } = exchange
  log.error('an answer failed', { method: request.method, path, requestId, error })
  sendProblem(
    exchange,
    new Problem(500, 'internal-error', 'Something went wrong on our side; it has been logged.'),
  )
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}
