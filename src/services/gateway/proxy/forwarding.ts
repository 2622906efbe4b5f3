import { fullHeader, type Problem } from '#kernel/problem'
import type { Dispatcher } from '#ports/connections'
import { isTracing } from '#ports/telemetry'
import { answerMs, drain, type Exchange, sendProblem, tooLarge } from './exchange.ts'
import { rawHeader, requestHead, writeAnswerHead } from './headers.ts'
import { answerIdleMs, patienceMs } from './patience.ts'
import { mayReroute, type ProxyParts } from './proxy-parts.ts'
import { awayStatuses, busy, cutOff, exhausted, late, notAllowed, tooSlow } from './proxy-problems.ts'
import { type BodyStream, BodyTooLarge, isBodyStream, SenderGone } from './request-body.ts'
import { type Before, hanging, isTimeout } from './reroute.ts'
import type { UpstreamTarget } from './routes.ts'
import { titleOfOrder, titlesInAnswer } from './title-of-order.ts'
import { orderPlaced } from './trace.ts'
import type { Attempt, Upstream } from './upstream.ts'
import type { Choice } from './upstreams.ts'

export type ForwardingOptions = {
  exchange: Exchange
  target: UpstreamTarget
  parts: ProxyParts
  body: Buffer | BodyStream | null
  before?: Before | undefined
}

/** A service whose only instance is just starting again is waited for, by so many requests at most. */
const restartMs = 2_500
const lookAgainMs = 100
const waitingMax = 2_048
/** Reading twice changes nothing. Source: RFC 9110 section 9.2.1. */
const safe = new Set(['GET', 'HEAD'])

let waiting = 0

/**
 * The attempts to get one request answered: one, and another at a second instance where the first failed and that is
 * safe. undici calls it back by the names it looks for.
 */
export class Forwarding implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange
  readonly #target: UpstreamTarget
  readonly #parts: ProxyParts
  readonly #body: Buffer | BodyStream | null
  readonly #headers: string[]
  readonly #stickTo: string | undefined
  #tried: Upstream[] = []
  #attempt: Attempt | undefined
  #abort: ((error?: Error) => void) | undefined
  #resume: () => void = () => {}
  #bytesLeft = -1
  #isOver = false
  #sends = 0
  #failure: Before | undefined
  /** Where it goes once an answer that only says "not now" has passed by. */
  #instead: Upstream | undefined
  #isWaiting = false
  /** Whether its instance was found to hang before it answered. */
  #isAbandoned = false

  constructor({ exchange, target, parts, body, before }: ForwardingOptions) {
    this.#exchange = exchange
    this.#target = target
    this.#parts = parts
    this.#body = body
    this.#headers = requestHead(exchange, target.service, parts, isBodyStream(body))
    if (target.sticksToTitle && body instanceof Buffer && parts.upstreams.count(target.service) > 1)
      this.#stickTo = titleOfOrder(body)
    if (before !== undefined) {
      this.#failure = before
      this.#tried = [before.upstream]
      if (before.reason !== 'connect') this.#sends = 1
    }
    exchange.response.on('close', () => this.#giveUp())
    exchange.expire = () => this.#expire()
  }

  /** Sends it to an instance, if there is one and the attempt is allowed. */
  next(): void {
    if (this.#isOver || this.#exchange.response.destroyed) return
    const { service } = this.#target
    const choice = this.#choose()
    if (choice.kind === 'chosen') {
      if (choice.skippedOpen && this.#failure === undefined) this.#parts.metrics.rerouted(service, 'breaker')
      if (this.#tried.length === 0 || this.#mayReroute()) this.#send(choice.upstream)
      else this.#fail(this.#exhausted())
    } else if (choice.kind === 'busy') this.#fail(busy(service))
    else if (choice.kind === 'open' && !this.#isWaiting) this.#fail(cutOff(service, choice.retryAfterSeconds))
    else if (!this.#waitForRestart()) this.#fail(this.#exhausted())
  }

  #choose(): Choice {
    return this.#parts.upstreams.choose(this.#target.service, this.#tried, this.#stickTo)
  }

  #mayReroute(): boolean {
    return this.#failure !== undefined && mayReroute(this.#parts, this.#failure)
  }

  /** @returns whether the request will be tried again: nothing of it may have been done */
  #waitForRestart(): boolean {
    const waitedMs = this.#parts.nowMs() - this.#exchange.startedMs
    if (waitedMs > restartMs || this.#sends > 0 || waiting >= waitingMax) return false
    this.#isWaiting = true
    waiting++
    setTimeout(() => {
      waiting--
      this.#tried = []
      this.next()
    }, lookAgainMs)
    return true
  }

  #send(upstream: Upstream): void {
    const { request, target } = this.#exchange
    this.#tried.push(upstream)
    this.#abort = undefined
    this.#isAbandoned = false
    const { takesLong, tellsPace } = this.#target
    const kind = { takesLong: takesLong || isBodyStream(this.#body), tellsPace }
    this.#attempt = this.#parts.upstreams.begin(upstream, () => this.#abandon(), kind)
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
    const others = this.#parts.upstreams.count(this.#target.service) - this.#tried.length
    return others > 0 && this.#tried.length < 2 && this.#isRepeatable()
  }

  onConnect(abort: (error?: Error) => void): void {
    // One that waited for a connection until now: nothing of it was sent.
    if (this.#isAbandoned) abort(hanging())
    else {
      this.#abort = abort
      if (this.#isOver) abort()
    }
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    if (status < 200) return true
    this.#resume = resume
    const isAway = awayStatuses.has(status) && rawHeader(raw, fullHeader) === undefined
    if (this.#attempt !== undefined) this.#parts.upstreams.answered(this.#attempt, isAway)
    if (this.#isOver || (isAway && this.#goElsewhere())) return true
    this.#exchange.outcome = isAway ? 'failed' : 'good'
    // What another instance can do, the first should have been able to as well.
    if (!isAway && this.#failure?.reason === 'status') this.#parts.upstreams.failed(this.#failure.upstream)
    if (this.#exchange.request.method === 'POST' && isTracing())
      this.#exchange.placed = orderPlaced(status, rawHeader(raw, 'location'))
    this.#bytesLeft = writeAnswerHead(this.#exchange, status, raw)
    this.#exchange.expiresMs = Math.max(this.#exchange.expiresMs, this.#exchange.startedMs + answerMs)
    return true
  }

  /** An instance that answers "not now" is passed over where another may be asked. */
  #goElsewhere(): boolean {
    const upstream = this.#attempt?.upstream
    if (upstream === undefined || !this.#mayChange()) return false
    const choice = this.#choose()
    if (choice.kind !== 'chosen') return false
    this.#failure = { upstream, reason: 'status' }
    if (!this.#mayReroute()) return false
    this.#instead = choice.upstream
    return true
  }

  onData(chunk: Buffer): boolean {
    const { response } = this.#exchange
    if (this.#isOver || this.#instead !== undefined) return true
    if (chunk.length === this.#bytesLeft) {
      if (this.#movesStock()) this.#exchange.titles = titlesInAnswer(chunk)
      response.end(chunk)
      return true
    }
    this.#bytesLeft -= chunk.length
    // A reader who takes it slowly must not keep the instance from others; how much may wait for readers is bounded in all.
    if (response.write(chunk) || this.#target.isBrowsing) return true
    response.once('drain', this.#resume)
    return false
  }

  /** Whoever keeps answers about the titles of an order wants to know of it. */
  #movesStock(): boolean {
    return this.#exchange.request.method === 'POST' && this.#exchange.label.startsWith('/api/orders')
  }

  onComplete(): void {
    this.#leave()
    if (this.#isOver) return
    if (this.#instead !== undefined) {
      const upstream = this.#instead
      this.#instead = undefined
      this.#send(upstream)
      return
    }
    this.#isOver = true
    const { request, response } = this.#exchange
    if (!response.writableEnded) response.end()
    if (!request.complete) drain(request, () => {})
  }

  onError(error: Error): void {
    const upstream = this.#leave()
    if (this.#isOver) return
    const code = (error as NodeJS.ErrnoException).code
    if (error instanceof SenderGone) this.#giveUp()
    else if (error instanceof BodyTooLarge) this.#fail(tooLarge(this.#target.bodyBytesMax))
    else if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') this.#fail(notAllowed())
    else if (upstream !== undefined) this.#afterFailure(upstream, code)
  }

  #afterFailure(upstream: Upstream, code: string | undefined): void {
    const wasSent = this.#abort !== undefined
    // A request that waits for a restart knocks many times, and is one failure all the same.
    if (!this.#isWaiting) this.#parts.upstreams.failed(upstream)
    const isSecond = this.#tried.length > 1
    if (wasSent) this.#sends++
    this.#instead = undefined
    this.#failure = { upstream, reason: !wasSent ? 'connect' : isTimeout(code) ? 'timeout' : 'reset' }
    const isWhole = !(isBodyStream(this.#body) && (this.#body.started || this.#body.destroyed))
    if (this.#exchange.response.headersSent) this.#cutOff()
    else if (isSecond) this.#afterSecond()
    else if (wasSent ? this.#isRepeatable() : isWhole) this.next()
    else this.#fail(this.#exhausted())
  }

  /** Two instances have failed it; a service that starts again may still be waited for. */
  #afterSecond(): void {
    if (this.#failure?.reason !== 'connect' || !this.#waitForRestart()) this.#fail(this.#exhausted())
  }

  /** Whether the request may be sent twice: it means the same again, and all of it is still at hand. */
  #isRepeatable(): boolean {
    const { method = '', headers } = this.#exchange.request
    if (isBodyStream(this.#body)) return false
    return safe.has(method) || (this.#target.heedsKey && headers['idempotency-key'] !== undefined)
  }

  #exhausted(): Problem {
    const { service } = this.#target
    if (this.#sends > 0) this.#exchange.outcome = 'failed'
    return exhausted(service, this.#failure?.reason)
  }

  /** Its instance hangs: whoever waits for it waits for nothing. */
  #abandon(): void {
    this.#isAbandoned = true
    this.#abort?.(hanging())
  }

  #expire(): void {
    const isArriving = !this.#exchange.request.complete
    // An answer that has begun was in time, however slowly it is read.
    if (!isArriving && !this.#exchange.response.headersSent) this.#exchange.outcome = 'failed'
    this.#fail(isArriving ? tooSlow() : late(this.#target.service))
  }

  #fail(problem: Problem): void {
    if (this.#isOver) return
    this.#isOver = true
    sendProblem(this.#exchange, problem)
    this.#abort?.()
  }

  #cutOff(): void {
    this.#isOver = true
    this.#exchange.response.destroy()
  }

  /** The caller went away: whatever is still under way for it is not needed. */
  #giveUp(): void {
    if (this.#isOver || this.#exchange.response.writableEnded) return
    this.#isOver = true
    this.#abort?.()
  }

  #leave(): Upstream | undefined {
    const attempt = this.#attempt
    if (attempt !== undefined) this.#parts.upstreams.ended(attempt)
    this.#attempt = undefined
    return attempt?.upstream
  }
}
