import type { IncomingHttpHeaders } from 'node:http'
import { fullHeader } from '#kernel/problem'
import {
  type BundledAnswer,
  bundleRoute,
  type CallSigner,
  callHeader,
  decodeAnswers,
  encodeBundle,
  isUsual,
} from '#ports/http'
import { areDoorsLocal, localDoor } from '#process/local-doors'
import { type Exchange, sendProblem } from './exchange.ts'
import { Forwarding } from './forwarding.ts'
import { notPassedOut } from './headers.ts'
import { ownHeaders } from './own-headers.ts'
import { answerIdleMs, patienceMs } from './patience.ts'
import type { ProxyParts } from './proxy-parts.ts'
import { awayStatuses, late } from './proxy-problems.ts'
import { type Before, hanging, reasonOf } from './reroute.ts'
import type { UpstreamTarget } from './routes.ts'
import { titleOfOrder, titlesInAnswer } from './title-of-order.ts'
import { nextTraceparent, orderPlaced } from './trace.ts'
import type { Upstream } from './upstream.ts'

/** A request with its whole body, on its way to a route that takes bundles. */
type Bundled = { exchange: Exchange; target: UpstreamTarget; body: Buffer; isOver: boolean }

export type Bundles = {
  /** Whether a request may travel with others: it is in the usual form and has the key that makes repeating it safe. */
  takes(target: UpstreamTarget, headers: IncomingHttpHeaders): boolean
  /** The request will be answered. */
  add(exchange: Exchange, target: UpstreamTarget, body: Buffer): void
}

const requestsMax = 256
const bytesMax = 1024 * 1024

/**
 * Sends what arrives in one turn of the event loop for one instance as one request: in a rush that is dozens of orders,
 * and their journey costs as much as one. A request that arrives alone goes alone, and so do all those of a bundle that
 * failed, each with whatever attempts it has left; their keys see to it that nothing is done twice. An instance in this
 * very process is asked without a journey.
 */
export function createBundles(parts: ProxyParts, signer: CallSigner): Bundles {
  const { upstreams } = parts
  /** Instances that know of no bundles, such as those of an older version. */
  const without = new WeakSet<Upstream>()
  let arrived: Bundled[] = []

  const alone = (all: readonly Bundled[], before?: Before) => {
    for (const { exchange, target, body, isOver } of all)
      if (!isOver) new Forwarding({ exchange, target, parts, body, before }).next()
  }

  const leave = () => {
    const all = arrived.filter((each) => !each.exchange.response.destroyed)
    arrived = []
    if (all.length <= 1 && !areDoorsLocal()) return alone(all)
    const byUpstream = new Map<Upstream, Bundled[]>()
    for (const each of all) {
      const upstream = chosenFor(each)
      const bundle = upstream && byUpstream.get(upstream)
      if (upstream === undefined || without.has(upstream)) alone([each])
      else if (bundle === undefined) byUpstream.set(upstream, [each])
      else bundle.push(each)
    }
    for (const [upstream, some] of byUpstream) for (const bundle of inBundles(some)) send(upstream, bundle)
  }

  const chosenFor = ({ target: { service }, body }: Bundled): Upstream | undefined => {
    const stickTo = upstreams.count(service) > 1 ? titleOfOrder(body) : undefined
    const choice = upstreams.choose(service, [], stickTo)
    return choice.kind === 'chosen' ? choice.upstream : undefined
  }

  const send = async (upstream: Upstream, bundle: readonly Bundled[]) => {
    const answers = await answersOf(upstream, bundle)
    if (Array.isArray(answers)) answerAll(bundle, answers)
    else alone(bundle, answers)
  }

  /** @returns what failed, or undefined, when they have to go alone */
  const answersOf = async (
    upstream: Upstream,
    bundle: readonly Bundled[],
  ): Promise<BundledAnswer[] | Before | undefined> => {
    const stop = new AbortController()
    const attempts = bundle.map(() => upstreams.begin(upstream, () => stop.abort(hanging())))
    try {
      const answers = await ask(upstream, bundle, stop.signal)
      for (const attempt of attempts) upstreams.answered(attempt)
      if (answers === undefined) without.add(upstream)
      return answers
    } catch (error) {
      upstreams.failed(upstream)
      return { upstream, reason: reasonOf(error) }
    } finally {
      for (const attempt of attempts) upstreams.ended(attempt)
    }
  }

  /** @returns undefined when the instance has no bundles */
  const ask = async (upstream: Upstream, bundle: readonly Bundled[], signal: AbortSignal) => {
    const [{ target }] = bundle as [Bundled]
    const local = localDoor(upstream.instance.id)
    if (local !== undefined) return await local.answerAll(target.label, bundle.map(requestOf))
    const { path, method } = bundleRoute
    const body = encodeBundle(target.label, bundle.map(requestOf))
    const response = await upstream.pool.request({
      path,
      method,
      headers: {
        [callHeader]: signer.call(method, path, body),
        'content-type': 'application/octet-stream',
      },
      body,
      headersTimeout: patienceMs(method, target.deadlineMs, upstreams.count(target.service) > 1),
      bodyTimeout: answerIdleMs,
      signal,
    })
    const bytes = await response.body.bytes()
    if (response.statusCode === 404) return undefined
    if (response.statusCode !== 200) throw new Error(`a bundle was answered with ${response.statusCode}`)
    const answers = decodeAnswers(bytes)
    if (answers.length !== bundle.length) throw new Error('a bundle has an answer for each request')
    return answers
  }

  const requestOf = ({ exchange: { request, requestId }, body }: Bundled) => {
    const { 'content-type': type = '', 'idempotency-key': key = '', traceparent } = request.headers
    const headers = {
      'content-type': type,
      'idempotency-key': String(key),
      traceparent: nextTraceparent(traceparent, parts.newSpanId),
    }
    return { id: requestId, headers, body }
  }

  return {
    takes: (target, headers) =>
      target.sticksToTitle && headers['idempotency-key'] !== undefined && isUsual(headers),
    add(exchange, target, body) {
      const bundled = { exchange, target, body, isOver: false }
      exchange.expire = () => {
        bundled.isOver = true
        exchange.outcome = 'failed'
        sendProblem(exchange, late(target.service))
      }
      arrived.push(bundled)
      if (arrived.length === 1) setImmediate(leave)
    },
  }
}

const isAway = ({ status, headers }: BundledAnswer) =>
  awayStatuses.has(status) && headers[fullHeader] === undefined

function* inBundles(all: readonly Bundled[]): Generator<readonly Bundled[]> {
  let bundle: Bundled[] = []
  let bytes = 0
  for (const each of all) {
    if (bundle.length === requestsMax || bytes + each.body.length > bytesMax) {
      yield bundle
      bundle = []
      bytes = 0
    }
    bundle.push(each)
    bytes += each.body.length
  }
  yield bundle
}

function answerAll(bundle: readonly Bundled[], answers: readonly BundledAnswer[]): void {
  for (const [i, { exchange, isOver }] of bundle.entries())
    if (!isOver && !exchange.response.destroyed) answer(exchange, answers[i] as BundledAnswer)
}

function answer(exchange: Exchange, answered: BundledAnswer): void {
  const { response } = exchange
  exchange.outcome = isAway(answered) ? 'failed' : 'good'
  const headers = ownHeaders(exchange)
  for (const [name, value] of Object.entries(answered.headers))
    if (!notPassedOut.has(name)) headers.push(name, value)
  exchange.placed = orderPlaced(answered.status, answered.headers.location)
  exchange.titles = titlesInAnswer(answered.body)
  headers.push('content-length', String(answered.body.length))
  response.writeHead(answered.status, headers)
  exchange.onAnswer?.()
  response.end(answered.body)
}
