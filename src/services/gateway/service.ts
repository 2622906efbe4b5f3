import { fileURLToPath } from 'node:url'
import { type Config, needed } from '#config'
import { type Clock, systemClock } from '#ports/clock'
import { openDiscovery } from '#ports/discovery'
import { serviceClient } from '#ports/http'
import { createAvailabilityEvents } from './live/availability-events.ts'
import { openBrokerFeed } from './live/broker-feed.ts'
import { createEventStreams, type StreamLimits, streamLimits } from './live/event-streams.ts'
import { createOrderEvents } from './live/order-events.ts'
import { createMetrics } from './metrics.ts'
import { createDrops } from './pages/drops.ts'
import { createPages, type PageRoots } from './pages/pages.ts'
import { createAnswers } from './proxy/answers.ts'
import { createBundles } from './proxy/bundles.ts'
import type { ProxyParts } from './proxy/proxy.ts'
import { createReadiness } from './proxy/readiness.ts'
import { proxiedServices, publicTable } from './proxy/routes.ts'
import { spanIds } from './proxy/trace.ts'
import { createUpstreams } from './proxy/upstreams.ts'
import { createPublicServer } from './server.ts'

export type Gateway = AsyncDisposable & { start(): Promise<void>; readonly url: string }
export type GatewayOverrides = {
  clock?: Clock
  roots?: PageRoots
  streamLimits?: StreamLimits
}

const builtPages: PageRoots = {
  site: fileURLToPath(new URL('../../../web/site/dist', import.meta.url)),
  shop: fileURLToPath(new URL('../../../web/shop/dist', import.meta.url)),
  docs: fileURLToPath(new URL('../../../dist/docs', import.meta.url)),
}

/** The gateway role: the only public door, on OCTAVO_HOST and OCTAVO_PORT. */
export async function createGateway(config: Config, overrides: GatewayOverrides = {}): Promise<Gateway> {
  const { clock = systemClock, roots = builtPages } = overrides
  const secret = needed(config, 'secret')
  const discovery = await openDiscovery(config.discoveryUrl, { secret, clock })
  const client = serviceClient({ discovery, secret })
  const upstreams = createUpstreams(discovery, proxiedServices, clock)
  const metrics = createMetrics()
  // The gateway itself speaks plain HTTP, so an https address is that of a proxy in front of it.
  const isHttps = config.publicUrl.startsWith('https:')
  const streams = createEventStreams(overrides.streamLimits ?? streamLimits, isHttps)
  const orderEvents = createOrderEvents(client, streams, clock)
  const availabilityEvents = createAvailabilityEvents(client, streams, clock)
  const nowMs = clock.monotonicMs
  const protocol = isHttps ? 'https' : 'http'
  const proxy: ProxyParts = { upstreams, metrics, newSpanId: spanIds(clock), protocol, nowMs }
  const answer = createAnswers({
    table: publicTable(),
    proxy,
    bundles: createBundles(proxy, secret),
    pages: createPages({ roots, drops: createDrops(client, clock), isHttps, nowMs }),
    orderEvents,
    availabilityEvents,
    readiness: createReadiness(discovery, clock),
    metricsText: () =>
      metrics.text({
        octavo_gateway_open_streams: streams.count,
        octavo_gateway_open_requests: server.open,
        octavo_gateway_open_breakers: upstreams.openBreakers(),
        process_resident_memory_bytes: process.memoryUsage.rss(),
      }),
  })
  const server = createPublicServer({
    publicUrl: config.publicUrl,
    clock,
    metrics,
    answer,
    onClosing: () => streams.closeAll(),
  })
  const opened = new AsyncDisposableStack()
  // Closed in the opposite order: first the registration, then the door, last what the answers under way still need.
  opened.use(discovery)
  opened.use(client)
  opened.use(upstreams)
  opened.use(orderEvents)
  opened.use(availabilityEvents)
  let url = ''
  return {
    get url() {
      return url
    },
    async start() {
      opened.use(
        openBrokerFeed({
          url: config.brokerUrl,
          clock,
          onOrders: orderEvents.changed,
          onStock: availabilityEvents.changed,
        }),
      )
      await discovery.ready(1_000)
      const port = await listen(server, config)
      opened.use(server)
      url = `http://${config.host}:${port}`
      opened.use(
        await discovery.register({ service: 'gateway', id: clock.uuid(), url, version: config.version }),
      )
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function listen(server: ReturnType<typeof createPublicServer>, config: Config): Promise<number> {
  try {
    return await server.listen(config)
  } catch (error) {
    throw new Error(`The gateway cannot listen on ${config.host}:${config.port}.`, { cause: error })
  }
}
