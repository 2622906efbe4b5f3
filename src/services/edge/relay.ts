import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { epochHeader, readEpoch } from '#kernel/fleet-picture'
import { Problem } from '#kernel/problem'
import type { Dispatcher } from '#ports/connections'
import type { Attempt, Cluster } from './cluster.ts'
import type { Clusters } from './clusters.ts'
import { type Forwarded, headersIn, headersOut, keyCookie, rawHeader } from './headers.ts'
import { noteOrder } from './note-order.ts'

export type Exchange = {
  request: IncomingMessage
  response: ServerResponse
  /** All of its body, or undefined where that is passed on as it comes. */
  body: Buffer | undefined
  /** The reader's; a new one is set by a page that comes back. */
  key: string | undefined
  newKey: string
  startedMs: number
  forwarded: Forwarded
  nowMs: () => number
}

/** Reading twice changes nothing. Source: RFC 9110 section 9.2.1. */
const safe = new Set(['GET', 'HEAD', 'OPTIONS'])
/** "Not here, or not now": another cluster may be able to. */
const awayStatuses = new Set([502, 503, 504])
const answerTimeoutMs = 30_000
const streamIdleMs = 120_000

/**
 * One request on its way through the edge: one attempt, and one more at another cluster where the first failed and that
 * is safe. undici calls it back by the names it looks for.
 */
export class Relay implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange
  readonly #clusters: Clusters
  readonly #tried: Cluster[] = []
  readonly #isWrite: boolean
  #attempt: Attempt | undefined
  #abort: ((error?: Error) => void) | undefined
  #resume: () => void = () => {}
  #isOver = false
  #abandoned: 'lost' | 'turn' | undefined
  #wasSent = false
  #startedBody = false
  #instead: Cluster | undefined

  constructor(exchange: Exchange, clusters: Clusters) {
    this.#exchange = exchange
    this.#clusters = clusters
    this.#isWrite = !safe.has(exchange.request.method ?? '')
    exchange.response.once('close', () => this.#giveUp())
  }

  start(): void {
    this.#clusters.entered()
    const cluster = this.#choose()
    if (cluster === undefined) this.#fail(this.#nowhere())
    else this.#send(cluster)
  }

  #choose(): Cluster | undefined {
    const { key } = this.#exchange
    const { epoch } = this.#clusters.picture
    return this.#clusters.choose({ isWrite: this.#isWrite, epoch, key, tried: this.#tried })
  }

  #send(cluster: Cluster): void {
    const { request, body, forwarded } = this.#exchange
    this.#tried.push(cluster)
    this.#abort = undefined
    this.#abandoned = undefined
    this.#attempt = this.#clusters.begin(cluster, {
      isWrite: this.#isWrite,
      abandon: (why) => {
        this.#abandoned = why
        this.#abort?.(abandoned())
      },
      handOver: () => this.#handOver(),
    })
    const length = body === undefined ? request.headers['content-length'] : undefined
    cluster.pool.dispatch(
      {
        path: request.url ?? '/',
        method: request.method as Dispatcher.HttpMethod,
        headers: headersIn(request, { ...forwarded, epoch: this.#clusters.picture.epoch }, length),
        body: this.#bodyFor(body),
        headersTimeout: answerTimeoutMs,
        bodyTimeout: streamIdleMs,
      },
      this,
    )
  }

  /** undici destroys the stream that it is given when an exchange ends early; the reader's connection outlives that. */
  #bodyFor(body: Buffer | undefined): Buffer | PassThrough | null {
    if (body !== undefined) return body.length === 0 ? null : body
    this.#startedBody = true
    return this.#exchange.request.pipe(new PassThrough())
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort
    // It has waited for a connection meanwhile.
    if (this.#abandoned !== undefined) {
      abort(abandoned())
      return
    }
    this.#wasSent = true
    if (this.#isOver) abort()
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    const [cluster, attempt] = [this.#tried.at(-1), this.#attempt]
    if (status < 200 || cluster === undefined || attempt === undefined) return true
    this.#resume = resume
    const ownEpoch = status === 503 ? readEpoch(rawHeader(raw, epochHeader)) : undefined
    if (ownEpoch !== undefined) this.#clusters.isBehind(cluster, ownEpoch)
    this.#clusters.answered(cluster, attempt, status < 500 || ownEpoch !== undefined)
    const { request, nowMs, startedMs } = this.#exchange
    // Whoever may be asked instead: it is this one's failure, but not of its version that it has heard nothing yet.
    if (!this.#isOver && ownEpoch === undefined) noteOrder(cluster, request, status, nowMs() - startedMs)
    if (this.#isOver || (awayStatuses.has(status) && this.#goElsewhere(cluster, ownEpoch !== undefined)))
      return true
    const { response } = this.#exchange
    const type = rawHeader(raw, 'content-type') ?? ''
    attempt.isStream = type.startsWith('text/event-stream')
    response.writeHead(status, headersOut(raw, this.#keyFor(type)))
    return true
  }

  /** A page comes with the number by which its reader keeps to the cluster that has its pictures and programs. */
  #keyFor(type: string): string[] {
    const { key, newKey, forwarded } = this.#exchange
    if (key !== undefined || !type.startsWith('text/html')) return []
    const secure = forwarded.protocol === 'https' ? '; Secure' : ''
    return ['set-cookie', `${keyCookie}=${newKey}; Path=/; HttpOnly; SameSite=Lax${secure}`]
  }

  /** @param isUntouched whether it has surely done nothing */
  #goElsewhere(from: Cluster, isUntouched: boolean): boolean {
    const isSafe = isUntouched ? this.#exchange.body !== undefined : this.#isRepeatable()
    if (this.#tried.length > 1 || !isSafe) return false
    const other = this.#choose()
    if (other === undefined || !this.#clusters.mayReroute(from)) return false
    this.#instead = other
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#isOver || this.#instead !== undefined) return true
    const { response } = this.#exchange
    if (response.write(chunk)) return true
    response.once('drain', this.#resume)
    return false
  }

  onComplete(): void {
    this.#leave()
    if (this.#isOver) return
    const other = this.#instead
    this.#instead = undefined
    if (other !== undefined) {
      this.#send(other)
      return
    }
    this.#isOver = true
    this.#exchange.response.end()
  }

  onError(error: Error): void {
    const cluster = this.#leave()
    if (this.#isOver || cluster === undefined) return
    const { response } = this.#exchange
    this.#instead = undefined
    if (!isOwnFault(error) && this.#abandoned !== 'turn') {
      this.#clusters.failed(cluster)
      if (!response.headersSent) noteOrder(cluster, this.#exchange.request, 503, 0)
    }
    if (response.headersSent) {
      this.#isOver = true
      response.destroy()
      return
    }
    const mayGoElsewhere = this.#wasSent ? this.#isRepeatable() : !this.#startedBody
    const other = this.#tried.length < 2 && mayGoElsewhere ? this.#choose() : undefined
    if (other !== undefined && this.#clusters.mayReroute(cluster)) {
      this.#send(other)
      return
    }
    this.#fail(isOwnFault(error) ? badRequest() : this.#unanswered())
  }

  /** Whether it means the same when it is sent twice, and all of it is still at hand. */
  #isRepeatable(): boolean {
    const { request, body } = this.#exchange
    if (body === undefined) return false
    return !this.#isWrite || request.headers['idempotency-key'] !== undefined
  }

  /** The stream has come to its end as far as its reader can tell, and is opened again elsewhere. */
  #handOver(): void {
    if (this.#isOver || !this.#exchange.response.headersSent) return
    this.#isOver = true
    this.#exchange.response.end()
    this.#abort?.()
  }

  #nowhere(): Problem {
    const what = this.#isWrite ? 'change anything' : 'answer'
    return new Problem(503, 'no-cluster', `No cluster can ${what} just now.`, {}, { 'retry-after': '1' })
  }

  /** Said only where the request may have been carried out, or nobody could be reached at all. */
  #unanswered(): Problem {
    return new Problem(
      503,
      'cluster-lost',
      'The cluster that had this request did not answer.',
      {},
      {
        'retry-after': '1',
      },
    )
  }

  #fail(problem: Problem): void {
    this.#isOver = true
    sendProblem(this.#exchange, problem)
  }

  /** The reader has gone: whatever is still under way for him is not needed. */
  #giveUp(): void {
    if (this.#isOver || this.#exchange.response.writableEnded) return
    this.#isOver = true
    this.#abort?.()
  }

  #leave(): Cluster | undefined {
    const cluster = this.#tried.at(-1)
    if (cluster !== undefined && this.#attempt !== undefined) this.#clusters.ended(cluster, this.#attempt)
    this.#attempt = undefined
    return cluster
  }
}

const abandoned = () => new Error('the cluster is not waited for any more')

/** Refused before anything was sent, because of what was to be sent. */
const isOwnFault = (error: Error) =>
  ['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED'].includes((error as NodeJS.ErrnoException).code ?? '')

const badRequest = () => new Problem(400, 'bad-request', 'This cannot be passed on.')

export function sendProblem(
  { request, response }: Pick<Exchange, 'request' | 'response'>,
  problem: Problem,
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const [path = ''] = (request.url ?? '').split('?')
  const body = Buffer.from(JSON.stringify(problem.toBody(path.slice(0, 500))))
  response.writeHead(problem.status, {
    ...problem.headers,
    ...{ 'content-type': 'application/problem+json; charset=utf-8', 'content-length': body.length },
    ...{ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
  })
  response.end(request.method === 'HEAD' ? undefined : body)
  request.resume()
}
