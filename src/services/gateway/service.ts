import { fileURLToPath } from 'node:url'
import type { Config, Secrets } from '#config'
import type { RatePolicy } from '#kernel/rate-limit'
import { type Cache, openCache } from '#ports/cache'
import { type Clock, systemClock } from '#ports/clock'
import { type Discovery, openDiscovery } from '#ports/discovery'
import { addressRanges, callSigner, innerMetricsToken, plainAddress, serviceClient } from '#ports/http'
import { logger } from '#ports/log'
import { lyingCache, showFaults } from '#process/fault-switches'
import { createService, type Door, type Service } from '#process/service-shell'
import { openOrigin } from './cache/origin.ts'
import { createReadCache } from './cache/read-cache.ts'
import { consoleHost } from './console-host.ts'
import { createAvailabilityEvents } from './live/availability-events.ts'
import { openBrokerFeed } from './live/broker-feed.ts'
import { createEventStreams, type StreamLimits, streamLimits } from './live/event-streams.ts'
import { createOrderEvents } from './live/order-events.ts'
import { createMetrics, showNumbers } from './metrics.ts'
import { createPages, type PageRoots } from './pages/pages.ts'
import { createAdmission } from './proxy/admission.ts'
import { createAnswers } from './proxy/answers.ts'
import { instanceNews, noteBreaker, routeNews } from './proxy/breaker-report.ts'
import { createBundles } from './proxy/bundles.ts'
import { createCircuits } from './proxy/circuits.ts'
import { clientAddress, isLoopback } from './proxy/client-address.ts'
import { mayReroute, type ProxyParts } from './proxy/proxy-parts.ts'
import { createReadiness } from './proxy/readiness.ts'
import { publicTable, type Routed } from './proxy/routes.ts'
import { spanIds } from './proxy/trace.ts'
import { createUpstreams, type Upstreams } from './proxy/upstreams.ts'
import { createPublicServer, type PublicServer } from './server.ts'
import { watchAlerts } from './system/alerts.ts'
import { createSystemState } from './system/system-state.ts'
import { openTurn, type Turn } from './turn.ts'

/** The roles behind the gateway: whom it passes requests on to, and without whom it is not ready. */
export type Behind = { routed: readonly Routed[]; required: readonly string[] }
type OwnSecrets = { secret: string; shared: Cache | undefined; metricsToken: string | undefined }
export type GatewayOverrides = {
  clock?: Clock
  roots?: PageRoots
  streamLimits?: StreamLimits
  /** Whether reads of the catalogue are answered from memory; on unless said otherwise. */
  cachesReads?: boolean
}

const log = logger('gateway')
/** What a client may ask for at once, in seconds of its pace. */
const burstSeconds = 10

const builtPages: PageRoots = {
  site: fileURLToPath(new URL('../../../web/site/dist', import.meta.url)),
  shop: fileURLToPath(new URL('../../../web/shop/dist', import.meta.url)),
  docs: fileURLToPath(new URL('../../../dist/docs', import.meta.url)),
}

/** The gateway role: the only public door, on OCTAVO_HOST and OCTAVO_PORT. */
export async function createGateway(
  config: Config,
  { secret, broker, cache, metricsToken }: Secrets<'secret' | 'broker' | 'cache' | 'metricsToken'>,
  behind: Behind,
  overrides: GatewayOverrides = {},
): Promise<Service> {
  const { clock = systemClock } = overrides
  return createService({ name: 'gateway', config, clock, at: config.gateway }, async (opened) => {
    const discovery = opened.use(await openDiscovery(config.discovery.url, { secret, clock }))
    showFaults('gateway', config.faults)
    const honest = await openShared(cache, opened)
    const shared = honest && lyingCache(honest, config.faults)
    const { epochUrl } = config.fleet
    const turn =
      epochUrl === undefined
        ? undefined
        : opened.use(await openTurn(epochUrl, config.gateway.trustedProxies, clock))
    const parts = openParts(
      config,
      { secret, shared, metricsToken },
      { ...overrides, behind, turn },
      discovery,
      opened,
    )
    return {
      discovery,
      async serve(resources) {
        resources.use(
          openBrokerFeed({
            url: broker,
            clock,
            onOrders: parts.orderEvents.changed,
            onStock(message) {
              parts.readCache?.stockChanged(message)
              parts.availabilityEvents.changed(message)
            },
            onCatalogue: (message) => parts.readCache?.catalogueChanged(message),
          }),
        )
        await discovery.ready(1_000)
        return publicDoor(parts.server, config.gateway.tls ? 'https' : 'http')
      },
    }
  })
}

function openParts(
  config: Config,
  { secret, shared, metricsToken }: OwnSecrets,
  overrides: GatewayOverrides & { behind: Behind; turn: Turn | undefined },
  discovery: Discovery,
  opened: AsyncDisposableStack,
) {
  const { clock = systemClock, roots = builtPages, behind } = overrides
  const client = opened.use(serviceClient({ discovery, secret }))
  const signer = callSigner(secret)
  const upstreams = opened.use(routedUpstreams(discovery, behind.routed, clock))
  const circuits = createCircuits(clock, (...change) => noteBreaker(log, routeNews(...change)))
  const metrics = createMetrics()
  const { trustedProxies, rateLimit, tls, hosts, consoleUrl } = config.gateway
  const ofConsole = consoleUrl === undefined ? undefined : consoleHost(config.publicUrl, consoleUrl)
  const isHttps = config.publicUrl.startsWith('https:')
  // An https address that is not served here is that of a proxy, which is all there is to be seen of its clients.
  const isBehindProxy = isHttps && tls === undefined && trustedProxies.length === 0
  const streams = createEventStreams(overrides.streamLimits ?? streamLimits, isBehindProxy)
  const orderEvents = opened.use(createOrderEvents(client, streams, clock))
  const availabilityEvents = opened.use(createAvailabilityEvents(client, streams, clock))
  const nowMs = clock.monotonicMs
  const ratePolicy = ratePolicyOf(config, isBehindProxy)
  const admission = opened.use(
    createAdmission({ ratePolicy, limitsLoopback: rateLimit.isSet, nowMs, shared }, circuits),
  )
  const proxy: ProxyParts = {
    ...{ upstreams, circuits, metrics, signer, nowMs },
    orderTook: admission.orderTook,
    newSpanId: spanIds(clock),
    protocol: isHttps ? 'https' : 'http',
  }
  const cached = () =>
    createReadCache({
      origin: openOrigin('catalog', { ...proxy, mayReroute: (before) => mayReroute(proxy, before) }),
      admission,
      shared,
      clock,
    })
  const readCache = overrides.cachesReads === false ? undefined : cached()
  const system = opened.use(
    createSystemState({
      ...{ version: config.version, clock, client, upstreams, circuits, admission, metrics },
      open: () => ({ requests: server.open, streams: streams.count }),
      alerts: alertsOf(config, clock, upstreams, metricsToken ?? innerMetricsToken(secret)),
    }),
  )
  const answer = createAnswers({
    table: publicTable(behind.routed),
    version: config.version,
    turn: overrides.turn,
    proxy,
    bundles: createBundles(proxy, signer),
    admission,
    system,
    metricsToken,
    readCache,
    pages: createPages({ roots, client, clock, consoleHost: ofConsole }),
    orderEvents,
    availabilityEvents,
    readiness: createReadiness(discovery, behind.required, clock),
    meter: metrics.meter,
  })
  const server = createPublicServer({
    publicUrl: config.publicUrl,
    clientOf: clientAddress(trustedProxies),
    isManyClients: manyClients(config, isBehindProxy),
    hosts: hosts && new Set(hosts),
    consoleHost: ofConsole,
    ...{ tls, clock, metrics, answer },
    isSecure: isHttps || tls !== undefined,
    onClosing: () => streams.closeAll(),
  })
  showNumbers(metrics.meter, { server, streams, upstreams, circuits, admission, readCache })
  return { server, orderEvents, availabilityEvents, readCache }
}

/** Behind a proxy that is not known as one all clients look like one, and are no more limited than that is meant. */
function ratePolicyOf({ gateway: { rateLimit } }: Config, isBehindProxy: boolean): RatePolicy | undefined {
  const { perSecond, isSet } = rateLimit
  if (perSecond === 0 || (isBehindProxy && !isSet)) return undefined
  return { perSecond, burst: perSecond * burstSeconds }
}

/** Peers that many clients may come by: proxies, and whatever stands before this gateway on its own machine. */
function manyClients({ gateway: { trustedProxies, rateLimit } }: Config, isBehindProxy: boolean) {
  const isTrusted = addressRanges(trustedProxies)
  return (address: string) => {
    const peer = plainAddress(address)
    return isBehindProxy || isTrusted(peer) || (isLoopback(peer) && !rateLimit.isSet)
  }
}

const routedUpstreams = (discovery: Discovery, routed: Behind['routed'], clock: Clock) =>
  createUpstreams(
    discovery,
    routed.map(({ name }) => name),
    clock,
    { onStateChange: (upstream, before) => noteBreaker(log, instanceNews(upstream, before)) },
  )

/** The level that gateways share; within one process the memory of its own is all there is to share. */
async function openShared(url: string, opened: AsyncDisposableStack): Promise<Cache | undefined> {
  return url.startsWith('memory:') ? undefined : opened.use(await openCache(url))
}

function publicDoor(server: PublicServer, scheme: 'http' | 'https'): Door {
  return {
    async listen({ host, port }) {
      try {
        return `${scheme}://${host}:${await server.listen({ host, port })}`
      } catch (error) {
        throw new Error(`The gateway cannot listen on ${host}:${port}.`, { cause: error })
      }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** What fires, as the System page shows it. */
function alertsOf(config: Config, clock: Clock, upstreams: Upstreams, metricsToken: string) {
  const { alertmanager } = config.gateway
  const instances = () => upstreams.all().map(({ instance }) => instance.url)
  return watchAlerts({ clock, alertmanager, instances, metricsToken })
}
