import type { IncomingHttpHeaders } from 'node:http'
import { hasMoreParts } from '#kernel/body-limits'
import { invalid, unavailable } from '#kernel/problem'
import { gather } from '#ports/http'
import type { Bundles } from './bundles.ts'
import { type Exchange, hasBody, sendProblem, tooLarge } from './exchange.ts'
import { Forwarding } from './forwarding.ts'
import type { ProxyParts } from './proxy-parts.ts'
import { BodyStream, wholeBytesMax } from './request-body.ts'
import type { UpstreamTarget } from './routes.ts'

/** A body that is still coming has to bring something this often. */
const bodyIdleMs = 30_000

/**
 * Sends a request to an instance of its service and the answer back, as streams where they are large; orders travel
 * together. A small body is gathered first, however it comes: until it is there its sender takes no place at a service,
 * nor among the probes of a circuit.
 */
export function forward(
  exchange: Exchange,
  target: UpstreamTarget,
  parts: ProxyParts,
  bundles: Bundles,
): void {
  const { request, response } = exchange
  const { bodyBytesMax } = target
  const length = request.headers['content-length']
  const refuse = () => sendProblem(exchange, tooLarge(bodyBytesMax))
  if (Number(length) > bodyBytesMax) {
    refuse()
    return
  }
  if (request.headers.expect !== undefined) response.writeContinue()
  const start = (body: Buffer | BodyStream | null) => {
    if (body instanceof Buffer && hasTooManyParts(exchange, body, target))
      return sendProblem(exchange, tooManyParts())
    if (!mayEnter(exchange, target, parts)) return
    if (body instanceof Buffer && bundles.takes(target, request.headers)) bundles.add(exchange, target, body)
    else new Forwarding({ exchange, target, parts, body }).next()
  }
  if (!hasBody(request)) start(null)
  else if (Math.min(bodyBytesMax, Number(length ?? Number.POSITIVE_INFINITY)) <= wholeBytesMax)
    gather(request, start, { bytesMax: bodyBytesMax, onOver: refuse })
  else start(openStream(exchange, target, parts))
}

/** Such a body would be read and refused behind here, at many times the cost. */
const hasTooManyParts = ({ request }: Exchange, body: Buffer, { bodyPartsMax }: UpstreamTarget) =>
  body.length > bodyPartsMax && isJson(request.headers) && hasMoreParts(body, bodyPartsMax)
const isJson = ({ 'content-type': type = '', 'content-encoding': coding }: IncomingHttpHeaders) =>
  /^application\/json\b/i.test(type) && coding === undefined
const tooManyParts = () =>
  invalid([{ field: 'body', message: 'has far more fields and items than this request can have' }])

/** @returns whether the circuit of its route lets it in; it has been answered otherwise */
function mayEnter(exchange: Exchange, target: UpstreamTarget, parts: ProxyParts): boolean {
  const { response } = exchange
  const { circuits, nowMs } = parts
  // It took too long to arrive.
  if (response.headersSent || response.destroyed) return false
  const waitSeconds = circuits.enter(target)
  if (waitSeconds !== undefined) {
    sendProblem(exchange, routeAway(target.service, waitSeconds))
    return false
  }
  const enteredMs = nowMs()
  response.once('close', () => circuits.leave(target, exchange.outcome, enteredMs))
  if (target.sticksToTitle)
    exchange.onAnswer = () => {
      if (isOfStock.has(response.statusCode)) parts.orderTook(nowMs() - enteredMs)
    }
  return true
}

function openStream(exchange: Exchange, target: UpstreamTarget, parts: ProxyParts): BodyStream {
  const { request, expiresMs } = exchange
  const body = new BodyStream(request, target.bodyBytesMax, () => {
    exchange.expiresMs = request.complete ? expiresMs : Math.min(expiresMs, parts.nowMs() + bodyIdleMs)
  })
  // Whoever passes it on hears of it as well, and answers.
  body.on('error', () => {})
  return body
}

/** Answers that an order gets after it has been to the databases; the others are quick whatever goes on there. */
const isOfStock: ReadonlySet<number> = new Set([200, 201, 409])

const routeAway = (service: string, seconds: number) =>
  unavailable(`The ${service} service has failed several times just now; try again in a moment.`, seconds)
