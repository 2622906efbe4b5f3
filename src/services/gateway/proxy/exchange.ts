import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import { Problem } from '#kernel/problem'
import { ownHeaders } from './own-headers.ts'

/** One request and its answer, with what every part of the gateway needs to know of it. */
export type Exchange = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  /** Path with its query string, in origin form. */
  readonly target: string
  /** Path alone, still percent-encoded. */
  readonly path: string
  readonly startedMs: number
  /** The address it comes from, as far as that can be believed. */
  readonly client: string
  /** Whether its client came by https, here or at a proxy. */
  readonly isSecure: boolean
  /** What its client is told of the limit on its pace, as names and values in turn. */
  limitHeaders: readonly string[]
  /** What became of it at the services, for those that follow how they fare. */
  outcome: 'good' | 'failed' | 'neither'
  /** The order that its answer says was placed. */
  placed?: string
  /** The titles that its answer names, where that is an order's and came in one piece. */
  titles?: readonly string[]
  /** Called when the answer of a service begins. */
  onAnswer?: () => void
  /** What metrics call the route. */
  label: string
  /** Called when the exchange has taken as long as it may. */
  expire: () => void
  /** When that is, on the monotonic clock. */
  expiresMs: number
}

/** Once an answer has begun it may take this long to arrive, on however slow a line. */
export const answerMs = 120_000
const instanceCharactersMax = 500

/** How much of a body that nobody wants is read so that its sender can read the answer. */
const drainBytesMax = 32 * 1024 * 1024
const drainMs = 15_000

/** Answers with a problem, at once; a body that is still coming is read and dropped afterwards, within limits. */
export function sendProblem(exchange: Exchange, problem: Problem): void {
  const { request, response } = exchange
  if (response.headersSent) {
    response.destroy()
    return
  }
  const body = Buffer.from(JSON.stringify(problem.toBody(exchange.path.slice(0, instanceCharactersMax))))
  if (response.destroyed) return
  // A sender that waits for a go-ahead gets none: there is nothing to drain, and no telling what follows.
  if (request.headers.expect !== undefined) response.shouldKeepAlive = false
  response.writeHead(problem.status, [
    ...ownHeaders(exchange),
    ...Object.entries(problem.headers).flat(),
    ...['content-type', 'application/problem+json; charset=utf-8'],
    ...['content-length', String(body.length), 'cache-control', 'no-store'],
  ])
  const text = request.method === 'HEAD' ? '' : body
  const isOver = request.complete || !hasBody(request) || request.headers.expect !== undefined
  if (isOver) response.end(text)
  else if (request.httpVersionMajor === 2) {
    response.end(text)
    // The sender is told to stop, and what else it asks goes on. Source: RFC 9113 section 8.1.
    ;(request as unknown as Http2ServerRequest).stream.close()
  } else if (response.shouldKeepAlive) {
    response.end(text)
    drain(request, () => {})
  } else {
    // A connection that ends while a body comes takes the answer back with it. Source: RFC 9112 section 9.6.
    response.write(text)
    drain(request, () => response.end())
  }
}

/** Reads and drops the rest of a body, then calls back; gives the connection up when there is too much of it. */
export function drain(request: IncomingMessage, onDone: () => void): void {
  if (request.complete || request.destroyed) {
    onDone()
    return
  }
  const { socket } = request
  let bytes = 0
  const giveUp = setTimeout(() => socket.destroy(), drainMs)
  const done = () => {
    clearTimeout(giveUp)
    socket.off('close', done)
    onDone()
  }
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > drainBytesMax) socket.destroy()
  })
  request.once('end', done)
  // The request itself says nothing when its connection ends after the answer.
  socket.once('close', done)
  request.once('error', () => {})
  request.resume()
}

/** Whether its client is there and has no answer yet. */
export const isWaiting = ({ response }: Exchange): boolean => !response.destroyed && !response.headersSent

export function hasBody(request: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  return encoding !== undefined || (length !== undefined && length !== '0')
}

export const tooLarge = (bytesMax: number) =>
  new Problem(413, 'body-too-large', `The body is larger than ${bytesMax} bytes.`, { bytesMax })

/** A path, or a part of one, without its percent-encoding. @throws Problem 400 */
export function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    // Whoever sent it is told.
    throw new Problem(400, 'bad-request', 'The address is not well percent-encoded.')
  }
}
