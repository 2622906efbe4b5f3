import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Config } from '#config'
import { Problem } from '#kernel/problem'
import type { Clock } from '#ports/clock'
import {
  addressRanges,
  type ConnectionLimits,
  keepCertificateFresh,
  oneAtATime,
  plainAddress,
  readCertificate,
  refuseTinyChunks,
  serveHttp2,
  shareConnections,
} from '#ports/http'
import type { Door } from '#process/service-shell'
import { answerFleet, isForFleet } from './answer-fleet.ts'
import type { Clusters } from './clusters.ts'
import type { FleetView } from './fleet-view.ts'
import { cookieOf, type Forwarded, keyCookie } from './headers.ts'
import { Relay, sendProblem } from './relay.ts'

const headerBytesMax = 16 * 1024
const headersTimeoutMs = 10_000
/** Bodies up to this size are gathered first, so that they can be sent to a second cluster. */
const wholeBytesMax = 64 * 1024
const bodyTimeoutMs = 15_000
const closeTimeoutMs = 5_000
/** A connection on which nothing moves for so long is closed. */
const silentMs = 120_000
const idleMs = 65_000
const http2Limits = { headerBytesMax, headersMax: 100, idleMs }
/** How a client and this server agree on HTTP/2 or 1.1, and how long they may take. Source: RFC 7301. */
const negotiation = { ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: 10_000 }
const keyBytes = 8

export type EdgeServerOptions = {
  /** The fleet, for operators. */
  view: () => FleetView
  certificateEveryMs?: number | undefined
  connectionLimits?: ConnectionLimits | undefined
}

/** The public door of the edge: whatever comes is passed on to a cluster. */
export function createEdgeServer(
  config: Config,
  clusters: Clusters,
  clock: Clock,
  { view, certificateEveryMs, connectionLimits }: EdgeServerOptions,
): Door {
  const { tls, trustedProxies } = config.gateway
  const forwarded: Forwarded = {
    protocol: tls === undefined && !config.publicUrl.startsWith('https:') ? 'http' : 'https',
    epoch: 0,
    isTrusted: addressRanges(trustedProxies),
  }
  const open = new Set<ServerResponse>()
  let isClosing = false
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    open.add(response)
    response.once('close', () => open.delete(response))
    // What goes wrong on a connection ends with it, and 'close' tells.
    response.on('error', () => {})
    if (isClosing) response.shouldKeepAlive = false
    if (isForFleet(request)) void answerFleet(request, response, clusters, view)
    else void relay(request, response, clusters, clock, forwarded)
  }
  const inTurn = oneAtATime(handle)
  const take = (request: IncomingMessage, response: ServerResponse) => {
    refuseTinyChunks(request, () => request.socket.destroy())
    inTurn(request, response)
  }
  const takeHttp2 = (request: IncomingMessage, response: ServerResponse) => {
    refuseTinyChunks(request, () => response.destroy())
    handle(request, response)
  }
  const server = listeningTo(take, tls)
  // An https address that is not served here is that of a proxy, which is all there is to be seen of its readers.
  const isBehindProxy = forwarded.protocol === 'https' && tls === undefined && trustedProxies.length === 0
  const isManyReaders = (address: string) => isBehindProxy || forwarded.isTrusted(plainAddress(address))
  shareConnections(server, isManyReaders, connectionLimits)
  const freshening = tls && keepCertificateFresh(server as TlsServer, tls, certificateEveryMs)
  const http2 = tls && serveHttp2(server as TlsServer, takeHttp2, http2Limits)
  return {
    async listen({ host, port }) {
      const scheme = tls === undefined ? 'http' : 'https'
      return `${scheme}://${host}:${await listen(server, host, port)}`
    },
    async [Symbol.asyncDispose]() {
      isClosing = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      http2?.close()
      for (const { attempts } of clusters.all())
        for (const attempt of [...attempts]) if (attempt.isStream) attempt.handOver()
      for (const response of open) if (!response.headersSent) response.shouldKeepAlive = false
      const idling = setInterval(() => server.closeIdleConnections(), 50)
      const timeout = setTimeout(() => {
        server.closeAllConnections()
        http2?.closeAll()
      }, closeTimeoutMs)
      await closed
      clearInterval(idling)
      clearTimeout(timeout)
      freshening?.[Symbol.dispose]()
    },
  }
}

async function relay(
  request: IncomingMessage,
  response: ServerResponse,
  clusters: Clusters,
  clock: Clock,
  forwarded: Forwarded,
): Promise<void> {
  const body = await gathered(request).catch((error: unknown) => (error instanceof Problem ? error : 'gone'))
  if (body === 'gone') response.destroy()
  else if (body instanceof Problem) sendProblem({ request, response }, body)
  else {
    const key = cookieOf(request, keyCookie)
    const newKey = clock.randomBytes(keyBytes).toString('hex')
    const nowMs = clock.monotonicMs
    const startedMs = nowMs()
    new Relay({ ...{ request, response, body, key, newKey }, startedMs, forwarded, nowMs }, clusters).start()
  }
}

/** A short body as a whole; undefined for one that is long, or whose length nobody says. @throws Problem, Error */
async function gathered(request: IncomingMessage): Promise<Buffer | undefined> {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (encoding !== undefined) return undefined
  if (length === undefined || length === '0') return Buffer.alloc(0)
  if (Number(length) > wholeBytesMax) return undefined
  const chunks: Buffer[] = []
  const tooSlow = setTimeout(
    () => request.destroy(new Problem(408, 'too-slow', 'The body took too long to arrive.')),
    bodyTimeoutMs,
  )
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer)
  } finally {
    clearTimeout(tooSlow)
  }
  return Buffer.concat(chunks)
}

function listeningTo(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  tls: Config['gateway']['tls'],
): Server {
  const settings = {
    ...{ maxHeaderSize: headerBytesMax, keepAliveTimeout: idleMs, headersTimeout: headersTimeoutMs },
    // Bodies have deadlines of their own: an import may take an hour.
    ...{ requestTimeout: 0, noDelay: true },
  }
  const server =
    tls === undefined
      ? createServer(settings)
      : createTlsServer({ ...settings, ...readCertificate(tls), ...negotiation })
  // Streams of events say something every quarter of a minute: who takes nothing for so long will take nothing more.
  server.timeout = silentMs
  server.on('request', handle)
  return server
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`The edge cannot listen on ${host}:${port}.`, { cause: error })),
    )
    server.listen({ host, port, backlog: 1024 }, () => resolve((server.address() as AddressInfo).port))
  })
}
