import { createHash, timingSafeEqual } from 'node:crypto'
import { type FieldError, invalid, Problem } from '#kernel/problem'
import { type Meter, metricsOf } from '#ports/telemetry'
import type { ReadCache } from '../cache/read-cache.ts'
import type { AvailabilityEvents } from '../live/availability-events.ts'
import type { OrderEvents } from '../live/order-events.ts'
import type { Pages } from '../pages/pages.ts'
import { answerFault } from '../server.ts'
import type { SystemState } from '../system/system-state.ts'
import type { Turn } from '../turn.ts'
import type { Admission } from './admission.ts'
import type { Bundles } from './bundles.ts'
import { decoded, type Exchange, sendProblem } from './exchange.ts'
import { ownHeaders } from './own-headers.ts'
import { forward } from './proxy.ts'
import type { ProxyParts } from './proxy-parts.ts'
import type { Readiness } from './readiness.ts'
import type { EventsTarget, RoutingTable } from './routes.ts'

/** Names of fields that do not exist come back this long. */
const nameShownMax = 100

export type AnswerParts = {
  table: RoutingTable
  proxy: ProxyParts
  bundles: Bundles
  admission: Admission
  /** Of this program; an edge tells by it which version answers. */
  version: string
  /** The turn of the databases that this cluster has heard of; undefined where it goes by none. */
  turn: Turn | undefined
  system: SystemState
  /** What whoever reads `/metrics` has to know; undefined where anybody may. */
  metricsToken: string | undefined
  readCache: ReadCache | undefined
  pages: Pages
  orderEvents: OrderEvents
  availabilityEvents: AvailabilityEvents
  readiness: () => Promise<Readiness>
  /** Numbers of this gateway that are not the role's. */
  meter: Meter
}

/** Decides what each request gets: a service's answer, a live stream, a page, or the gateway's own health. */
export function createAnswers(parts: AnswerParts): (exchange: Exchange) => void {
  const health = createHealth(parts)
  return (exchange) => {
    const { path } = exchange
    if (path.startsWith('/api/') || path === '/api') answerApi(exchange, parts)
    else if (health[path] !== undefined) finish(exchange, health[path](exchange))
    else if (path === '/internal' || path.startsWith('/internal/') || path === '*')
      sendProblem(exchange, unknown())
    else finish(exchange, parts.pages.serve(exchange))
  }
}

function answerApi(exchange: Exchange, parts: AnswerParts): void {
  const { request, path } = exchange
  const found = parts.table.find(request.method ?? '', path)
  if (found.kind === 'unknown') sendProblem(exchange, unknown())
  else if (found.kind === 'wrong-method') {
    if (request.method === 'OPTIONS') sendOptions(exchange, found.allow)
    else sendProblem(exchange, wrongMethod(found.allow))
  } else {
    const { target, params } = found
    exchange.label = target.label
    const behind = parts.turn?.refusal(request)
    if (behind !== undefined) {
      sendProblem(exchange, behind)
      return
    }
    if (!parts.admission.pace(exchange)) return
    const notKnown = unknownFields(exchange.target, target.queryFields)
    if (notKnown.length > 0) sendProblem(exchange, invalid(notKnown))
    else if (target.kind === 'system') finish(exchange, parts.system.answer(exchange))
    else if (target.kind === 'events') finish(exchange, watch(exchange, target, params[0] ?? '', parts))
    else {
      exchange.expiresMs = exchange.startedMs + target.deadlineMs
      const passOn = () =>
        parts.admission.admit(exchange, target, () => forward(exchange, target, parts.proxy, parts.bundles))
      if (parts.readCache?.take(exchange, target.label, params, passOn)) return
      exchange.response.once('finish', () => {
        // What was refused has changed nothing; what failed may have.
        const { statusCode } = exchange.response
        if (statusCode < 400 || statusCode >= 500)
          parts.readCache?.passed(request.method, target.label, params, exchange.titles)
      })
      passOn()
    }
  }
}

/** An answer to what nobody asked would be kept as one of its own, and read as if it had been heeded. */
function unknownFields(target: string, known: readonly string[] | undefined): FieldError[] {
  if (known === undefined || !target.includes('?')) return []
  const names = new Set(new URLSearchParams(target.slice(target.indexOf('?'))).keys())
  return [...names]
    .filter((name) => !known.includes(name))
    .map((name) => ({ field: name.slice(0, nameShownMax), message: 'is not a field of this request' }))
}

async function watch(
  exchange: Exchange,
  target: EventsTarget,
  text: string,
  parts: AnswerParts,
): Promise<void> {
  const key = decoded(text)
  if (target.stream === 'order') await parts.orderEvents.watch(exchange, key)
  else await parts.availabilityEvents.watch(exchange, key)
}

function createHealth(parts: AnswerParts): Record<string, (exchange: Exchange) => Promise<void>> {
  const json = (value: unknown) => `${JSON.stringify(value)}\n`
  const alive = async (exchange: Exchange) =>
    sendText(exchange, 200, 'application/json', json({ status: 'alive' }))
  return {
    '/livez': alive,
    '/healthz': alive,
    '/startupz': async (exchange) => sendText(exchange, 200, 'application/json', json({ status: 'started' })),
    '/readyz': async (exchange) => {
      const { isReady, missing } = await parts.readiness()
      if (!isReady) throw notReady(missing)
      sendText(
        exchange,
        200,
        'application/json',
        json({ status: 'ready', version: parts.version, epoch: parts.turn?.epoch }),
      )
    },
    '/metrics': async (exchange) => {
      // Numbers are made anew each time, in milliseconds: who needs no token for them may not ask as often as they like.
      if (parts.metricsToken === undefined && !parts.admission.pace(exchange)) return
      checkToken(exchange, parts.metricsToken)
      const { type, body } = metricsOf('gateway', exchange.request.headers.accept, parts.meter)
      sendText(exchange, 200, type, body)
    },
  }
}

function sendText(exchange: Exchange, status: number, type: string, text: string | Buffer): void {
  const { request, response } = exchange
  if (request.method !== 'GET' && request.method !== 'HEAD') throw wrongMethod(['GET', 'HEAD'])
  exchange.label = exchange.path
  response.writeHead(status, [
    ...ownHeaders(exchange),
    ...['content-type', type, 'content-length', String(Buffer.byteLength(text)), 'cache-control', 'no-store'],
  ])
  response.end(request.method === 'HEAD' ? undefined : text)
}

function sendOptions(exchange: Exchange, allow: readonly string[]): void {
  exchange.response.writeHead(204, [...ownHeaders(exchange), 'allow', allow.join(', ')])
  exchange.response.end()
}

function finish(exchange: Exchange, answering: Promise<void>): void {
  answering.catch((error: unknown) => answerFault(exchange, error))
}

/** @throws Problem 401 */
function checkToken({ request }: Exchange, token: string | undefined): void {
  if (token === undefined) return
  const given = createHash('sha256')
    .update(request.headers.authorization ?? '')
    .digest()
  const expected = createHash('sha256').update(`Bearer ${token}`).digest()
  if (!timingSafeEqual(given, expected))
    throw new Problem(
      401,
      'unauthorized',
      'Numbers are shown with their token alone.',
      {},
      { 'www-authenticate': 'Bearer' },
    )
}

const unknown = () => new Problem(404, 'not-found', 'There is no such address.')
const wrongMethod = (allow: readonly string[]) =>
  new Problem(405, 'method-not-allowed', `Use ${allow.join(', ')}.`, {}, { allow: allow.join(', ') })
const notReady = (missing: readonly string[]) =>
  new Problem(503, 'not-ready', `Waiting for ${missing.join(', ')}.`, { missing }, { 'retry-after': '1' })
