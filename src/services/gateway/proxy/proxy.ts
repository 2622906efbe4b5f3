import type { Dispatcher } from 'undici'
import { type Problem, unavailable } from '#kernel/problem'
import { gather } from '#ports/http'
import type { Metrics, RerouteReason } from '../metrics.ts'
import type { Bundles } from './bundles.ts'
import { drain, type Exchange, hasBody, sendProblem, tooLarge } from './exchange.ts'
import { drawingPolicy, headersIn, headersOut, rawHeader } from './headers.ts'
import { answerIdleMs, patienceMs } from './patience.ts'
import { busy, late, notAllowed, tooSlow } from './proxy-problems.ts'
import { BodyStream, BodyTooLarge, SenderGone, wholeBytesMax } from './request-body.ts'
import type { UpstreamTarget } from './routes.ts'
import { titleOfOrder } from './title-of-order.ts'
import { nextTraceparent } from './trace.ts'
import { isTimeout, type Upstream, type Upstreams } from './upstreams.ts'

export type ProxyParts = {
  upstreams: Upstreams
  metrics: Metrics
  newSpanId: () => string
  protocol: 'http' | 'https'
  nowMs: () => number
}

const attemptsMax = 3
/** Once an answer has begun it may take this long to arrive, on however slow a line. */
const answerMs = 120_000
/** A service whose only instance is just starting again is waited for, by so many requests at most. */
const restartMs = 2_500
const lookAgainMs = 100
const waitingMax = 2_048
/** A body that is still coming has to bring something this often. */
const bodyIdleMs = 30_000
const repeatable = new Set(['GET', 'HEAD', 'PUT', 'DELETE'])

/** Sends a request to an instance of its service and the answer back, both as streams; orders travel together. */
export function forward(
  exchange: Exchange,
  target: UpstreamTarget,
  parts: ProxyParts,
  bundles: Bundles,
): void {
  const { request } = exchange
  const start = (body: Buffer | BodyStream | null) => forwardAlone(exchange, target, parts, body)
  const length = request.headers['content-length']
  const isOver = Number(length) > target.bodyBytesMax
  if (!isOver && request.headers.expect !== undefined) exchange.response.writeContinue()
  if (isOver) sendProblem(exchange, tooLarge(target.bodyBytesMax))
  else if (!hasBody(request)) start(null)
  else if (bundles.takes(target, request.headers))
    gather(request, (body) => bundles.add(exchange, target, body))
  else if (length !== undefined && Number(length) <= wholeBytesMax) gather(request, start)
  else start(openStream(exchange, target, parts))
}

/** Sends a request by itself, to one instance after the other while that is safe. */
export function forwardAlone(
  exchange: Exchange,
  target: UpstreamTarget,
  parts: ProxyParts,
  body: Buffer | BodyStream | null,
): void {
  new Forwarding(exchange, target, parts, body).next()
}

function openStream(exchange: Exchange, target: UpstreamTarget, parts: ProxyParts): BodyStream {
  const { request, expiresMs } = exchange
  const body = new BodyStream(request, target.bodyBytesMax, () => {
    exchange.expiresMs = request.complete ? expiresMs : Math.min(expiresMs, parts.nowMs() + bodyIdleMs)
  })
  body.on('error', () => {})
  return body
}

let waiting = 0

/** The attempts to get one request answered; undici calls it back by the names it looks for. */
class Forwarding implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange
  readonly #target: UpstreamTarget
  readonly #parts: ProxyParts
  readonly #body: Buffer | BodyStream | null
  readonly #headers: string[]
  readonly #stickTo: string | undefined
  readonly #tried: Upstream[] = []
  #upstream: Upstream | undefined
  #abort: ((error?: Error) => void) | undefined
  #resume: () => void = () => {}
  #bytesLeft = -1
  #isSettled = false
  #sends = 0
  #lastFailure: RerouteReason = 'connect'

  constructor(
    exchange: Exchange,
    target: UpstreamTarget,
    parts: ProxyParts,
    body: Buffer | BodyStream | null,
  ) {
    const { request, response } = exchange
    this.#exchange = exchange
    this.#target = target
    this.#parts = parts
    this.#body = body
    this.#headers = headersIn({
      rawHeaders: request.rawHeaders,
      connection: request.headers.connection,
      host: request.headers.host ?? '',
      address: request.socket.remoteAddress ?? '',
      protocol: parts.protocol,
      requestId: exchange.requestId,
      traceparent: nextTraceparent(request.headers.traceparent, parts.newSpanId),
      contentLength: body instanceof BodyStream ? request.headers['content-length'] : undefined,
    })
    if (target.sticksToTitle && body instanceof Buffer && parts.upstreams.count(target.service) > 1)
      this.#stickTo = titleOfOrder(body)
    response.on('close', () => this.#giveUp())
    exchange.expire = () => this.#expire()
  }

  /** Tries the next instance, if there is one and another try is allowed. */
  next(): void {
    if (this.#isSettled) return
    const { service } = this.#target
    const { upstreams, metrics } = this.#parts
    if (this.#exchange.response.destroyed) return
    const choice =
      this.#sends >= attemptsMax
        ? ({ kind: 'nobody' } as const)
        : upstreams.choose(service, this.#tried, this.#stickTo)
    if (choice.kind === 'chosen') {
      if (this.#tried.length > 0) metrics.rerouted(service, this.#lastFailure)
      else if (choice.skippedOpen) metrics.rerouted(service, 'breaker')
      this.#send(choice.upstream)
    } else if (choice.kind === 'busy') this.#fail(busy(service))
    else if (!this.#waitForRestart()) this.#fail(this.#exhausted())
  }

  /** @returns whether the request will be tried again: nothing of it may have been done, or doing it twice is the same */
  #waitForRestart(): boolean {
    const waitedMs = this.#parts.nowMs() - this.#exchange.startedMs
    const mayAgain = this.#lastFailure === 'connect' || this.#isRepeatable()
    if (waitedMs > restartMs || !mayAgain || this.#sends >= attemptsMax || waiting >= waitingMax) return false
    waiting++
    setTimeout(() => {
      waiting--
      this.#tried.length = 0
      this.next()
    }, lookAgainMs)
    return true
  }

  #send(upstream: Upstream): void {
    const { request, target } = this.#exchange
    this.#tried.push(upstream)
    this.#upstream = upstream
    this.#abort = undefined
    upstream.outstanding++
    upstream.pool.dispatch(
      {
        path: target,
        method: request.method as Dispatcher.HttpMethod,
        headers: this.#headers,
        body: this.#body,
        headersTimeout: patienceMs(request.method, this.#target.deadlineMs, this.#mayChange()),
        bodyTimeout: answerIdleMs,
      },
      this,
    )
  }

  /** Whether another instance would be asked if this one stayed silent. */
  #mayChange(): boolean {
    const attempts = Math.min(attemptsMax, this.#parts.upstreams.count(this.#target.service))
    return this.#tried.length < attempts && this.#isRepeatable()
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort
    if (this.#isSettled) abort()
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    if (status < 200) return true
    const { response, requestId, request } = this.#exchange
    this.#resume = resume
    if (this.#upstream !== undefined) this.#parts.upstreams.succeeded(this.#upstream)
    if (this.#isSettled) return true
    const headers = headersOut(raw, ['x-request-id', requestId, 'x-content-type-options', 'nosniff'])
    const type = rawHeader(raw, 'content-type')
    if (type !== undefined && /svg|html|xml/i.test(type))
      headers.push('content-security-policy', drawingPolicy)
    const length = rawHeader(raw, 'content-length')
    this.#bytesLeft = length === undefined || request.method === 'HEAD' ? -1 : Number(length)
    response.writeHead(status, headers)
    this.#exchange.expiresMs = Math.max(this.#exchange.expiresMs, this.#exchange.startedMs + answerMs)
    return true
  }

  onData(chunk: Buffer): boolean {
    const { response } = this.#exchange
    if (this.#isSettled) return true
    if (chunk.length === this.#bytesLeft) {
      response.end(chunk)
      return true
    }
    this.#bytesLeft -= chunk.length
    if (response.write(chunk)) return true
    response.once('drain', this.#resume)
    return false
  }

  onComplete(): void {
    this.#leave()
    if (this.#isSettled) return
    this.#isSettled = true
    const { request, response } = this.#exchange
    if (!response.writableEnded) response.end()
    if (!request.complete) drain(request, () => {})
  }

  onError(error: Error): void {
    const upstream = this.#leave()
    if (this.#isSettled) return
    const code = (error as NodeJS.ErrnoException).code
    if (error instanceof SenderGone) this.#giveUp()
    else if (error instanceof BodyTooLarge) this.#fail(tooLarge(this.#target.bodyBytesMax))
    else if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') this.#fail(notAllowed())
    else {
      if (upstream !== undefined) this.#parts.upstreams.failed(upstream)
      this.#afterFailure(code)
    }
  }

  #afterFailure(code: string | undefined): void {
    const wasSent = this.#abort !== undefined
    if (wasSent) this.#sends++
    this.#lastFailure = !wasSent ? 'connect' : isTimeout(code) ? 'timeout' : 'reset'
    const isWhole = !(this.#body instanceof BodyStream && (this.#body.started || this.#body.destroyed))
    if (this.#exchange.response.headersSent) this.#cutOff()
    else if (wasSent ? this.#isRepeatable() : isWhole) this.next()
    else this.#fail(this.#exhausted())
  }

  /** Whether the request may be sent twice: it means the same again, and all of it is still at hand. */
  #isRepeatable(): boolean {
    const { method = '', headers } = this.#exchange.request
    if (this.#body instanceof BodyStream) return false
    return repeatable.has(method) || (this.#target.heedsKey && headers['idempotency-key'] !== undefined)
  }

  #exhausted(): Problem {
    const { service } = this.#target
    if (this.#lastFailure === 'timeout') return late(service)
    if (this.#lastFailure === 'reset')
      return unavailable(
        `The ${service} service went away while it was answering; look before you try again.`,
      )
    return unavailable(`The ${service} service cannot be reached just now.`)
  }

  #expire(): void {
    const isArriving = !this.#exchange.request.complete
    if (!isArriving && this.#upstream !== undefined) this.#parts.upstreams.failed(this.#upstream)
    this.#fail(isArriving ? tooSlow() : late(this.#target.service))
  }

  #fail(problem: Problem): void {
    if (this.#isSettled) return
    this.#isSettled = true
    sendProblem(this.#exchange, problem)
    this.#abort?.()
  }

  #cutOff(): void {
    this.#isSettled = true
    this.#exchange.response.destroy()
  }

  /** The caller went away: whatever is still under way for it is not needed. */
  #giveUp(): void {
    if (this.#isSettled || this.#exchange.response.writableEnded) return
    this.#isSettled = true
    this.#abort?.()
  }

  #leave(): Upstream | undefined {
    const upstream = this.#upstream
    if (upstream !== undefined) upstream.outstanding--
    this.#upstream = undefined
    return upstream
  }
}
