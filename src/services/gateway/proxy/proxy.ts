import { unavailable } from '#kernel/problem'
import { gather } from '#ports/http'
import type { Bundles } from './bundles.ts'
import { type Exchange, hasBody, sendProblem, tooLarge } from './exchange.ts'
import { Forwarding } from './forwarding.ts'
import type { ProxyParts } from './proxy-parts.ts'
import { BodyStream, wholeBytesMax } from './request-body.ts'
import type { UpstreamTarget } from './routes.ts'

/** A body that is still coming has to bring something this often. */
const bodyIdleMs = 30_000

/** Sends a request to an instance of its service and the answer back, both as streams; orders travel together. */
export function forward(
  exchange: Exchange,
  target: UpstreamTarget,
  parts: ProxyParts,
  bundles: Bundles,
): void {
  const { request, response } = exchange
  const length = request.headers['content-length']
  const isOver = Number(length) > target.bodyBytesMax
  if (!isOver && request.headers.expect !== undefined) response.writeContinue()
  if (isOver) {
    sendProblem(exchange, tooLarge(target.bodyBytesMax))
    return
  }
  const waitSeconds = parts.circuits.enter(target)
  if (waitSeconds !== undefined) {
    sendProblem(exchange, routeAway(target.service, waitSeconds))
    return
  }
  response.once('close', () => parts.circuits.leave(target, exchange.outcome))
  const start = (body: Buffer | BodyStream | null) => new Forwarding({ exchange, target, parts, body }).next()
  if (!hasBody(request)) start(null)
  else if (bundles.takes(target, request.headers))
    gather(request, (body) => bundles.add(exchange, target, body))
  else if (length !== undefined && Number(length) <= wholeBytesMax) gather(request, start)
  else start(openStream(exchange, target, parts))
}

function openStream(exchange: Exchange, target: UpstreamTarget, parts: ProxyParts): BodyStream {
  const { request, expiresMs } = exchange
  const body = new BodyStream(request, target.bodyBytesMax, () => {
    exchange.expiresMs = request.complete ? expiresMs : Math.min(expiresMs, parts.nowMs() + bodyIdleMs)
  })
  body.on('error', () => {})
  return body
}

const routeAway = (service: string, seconds: number) =>
  unavailable(`The ${service} service has failed several times just now; try again in a moment.`, seconds)
