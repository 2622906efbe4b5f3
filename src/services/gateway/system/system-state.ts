import { type DatabaseState, databaseStateRoute } from '#kernel/database-state'
import { forbidden, unauthorized } from '#kernel/problem'
import { inDoubtRoute } from '#kernel/transaction'
import type { Clock } from '#ports/clock'
import { type ServiceClient, sessionTokenOf } from '#ports/http'
import { getOrderWork, introspectSession } from '#services/orders'
import { getVoucherWork } from '#services/vouchers'
import { getSystem, type System } from '../contract.ts'
import type { Metrics } from '../metrics.ts'
import type { Admission } from '../proxy/admission.ts'
import type { Circuits } from '../proxy/circuits.ts'
import type { Exchange } from '../proxy/exchange.ts'
import { ownHeaders } from '../proxy/own-headers.ts'
import type { Upstreams } from '../proxy/upstreams.ts'
import type { Alerts } from './alerts.ts'
import { type History, keepHistory } from './history.ts'

export type SystemParts = {
  version: string
  clock: Clock
  client: ServiceClient
  upstreams: Upstreams
  circuits: Circuits
  admission: Admission
  metrics: Metrics
  open: () => { requests: number; streams: number }
  alerts: () => Promise<Alerts>
}

export type SystemState = Disposable & {
  /** Answers an operator with how the store does. @throws Problem 401, 403 or 503 */
  answer(exchange: Exchange): Promise<void>
}

const sessionDeadlineMs = 2_000
const workDeadlineMs = 800
const transactionsShownMax = 20
const bearerPattern = /^Bearer +([\w.~+/=-]{1,500})$/i

export function createSystemState(parts: SystemParts): SystemState {
  const { clock, upstreams, circuits, metrics } = parts
  const startedAt = new Date(clock.now()).toISOString()
  const openCircuits = () =>
    upstreams.all().filter(({ breaker }) => breaker.kind !== 'closed').length +
    circuits.routes().filter(({ breaker }) => breaker.kind !== 'closed').length
  const history = keepHistory(clock, metrics.totals, openCircuits)
  return {
    async answer(exchange) {
      await checkOperator(exchange, parts.client)
      send(exchange, await systemNow(parts, startedAt, history))
    },
    [Symbol.dispose]: () => history[Symbol.dispose](),
  }
}

async function checkOperator({ request }: Exchange, client: ServiceClient): Promise<void> {
  const { authorization, cookie } = request.headers
  const token = bearerPattern.exec(authorization ?? '')?.[1] ?? sessionTokenOf(cookie)
  if (token === undefined) throw unauthorized()
  const options = { body: { token: token.slice(0, 500) }, deadlineMs: sessionDeadlineMs }
  const { member } = await client.call('orders', introspectSession, options)
  if (member === null) throw unauthorized()
  const allowed = getSystem.access.kind === 'staff' ? getSystem.access.roles : []
  if (!member.roles.some((role) => allowed.includes(role))) throw forbidden(allowed)
}

async function systemNow(parts: SystemParts, startedAt: string, history: History): Promise<System> {
  const { clock, client, upstreams, circuits, admission, version } = parts
  const ask = { deadlineMs: workDeadlineMs }
  const watched = parts.alerts()
  const [stock, orders, vouchers, ...databases] = await Promise.allSettled([
    client.call('catalog', inDoubtRoute, ask),
    client.call('orders', getOrderWork, ask),
    client.call('vouchers', getVoucherWork, ask),
    client.call('catalog', databaseStateRoute, ask),
    client.call('orders', databaseStateRoute, ask),
  ])
  const inDoubt = stock.status === 'fulfilled' ? stock.value.inDoubt : undefined
  const drawing = vouchers.status === 'fulfilled' ? vouchers.value : undefined
  const ordersWork = orders.status === 'fulfilled' ? orders.value : undefined
  const open = parts.open()
  return {
    asOf: new Date(clock.now()).toISOString(),
    gateway: {
      ...{ version, startedAt, openRequests: open.requests, openStreams: open.streams },
      memoryBytes: process.memoryUsage.rss(),
    },
    alerts: await watched,
    instances: upstreams.all().map(({ instance, breaker, outstanding, latency, reroutes, trips }) => ({
      ...{ service: instance.service, id: instance.id, version: instance.version },
      circuit: breaker.kind,
      reason: breaker.kind === 'closed' ? null : breaker.reason,
      ...{ outstanding, averageMs: Math.round(latency.averageMs * 10) / 10 },
      ...{ reroutes: Object.fromEntries(reroutes), trips: Object.fromEntries(trips) },
    })),
    routes: circuits
      .routes()
      .filter(({ breaker }) => breaker.kind !== 'closed')
      .map(({ method, label, breaker }) => ({ method, route: label, circuit: breaker.kind })),
    retryBudgets: [...circuits.budgets()],
    refused: Object.fromEntries(admission.refused()),
    work: {
      inDoubt: inDoubt?.length ?? null,
      sagas: ordersWork?.sagas ?? null,
      undoing: ordersWork?.undoing ?? null,
      oldestSagaSeconds: ordersWork?.oldestSagaSeconds ?? null,
      newsWaiting: ordersWork?.newsWaiting ?? null,
      vouchersWaiting: drawing?.drawing ?? null,
    },
    databases: databases.flatMap((each): DatabaseState[] =>
      each.status === 'fulfilled' ? [each.value] : [],
    ),
    transactions: (inDoubt ?? []).slice(0, transactionsShownMax).map(({ id, ageMs }) => {
      return { id, ageSeconds: Math.round(ageMs / 1_000) }
    }),
    sagas: ordersWork?.oldest ?? [],
    queues: [...(ordersWork?.queues ?? []), ...(drawing?.queues ?? [])],
    history: history.samples(),
  }
}

function send(exchange: Exchange, system: System): void {
  const { request, response } = exchange
  const body = JSON.stringify(system)
  const head = ownHeaders(exchange)
  head.push('content-type', 'application/json; charset=utf-8', 'cache-control', 'no-store')
  head.push('content-length', String(Buffer.byteLength(body)))
  response.writeHead(200, head)
  response.end(request.method === 'HEAD' ? undefined : body)
}
