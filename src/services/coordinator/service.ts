import { setImmediate } from 'node:timers/promises'
import type { Config, Secrets } from '#config'
import { type Clock, systemClock } from '#ports/clock'
import { openDiscovery } from '#ports/discovery'
import { createHttpServer, serviceClient } from '#ports/http'
import { roleMeter } from '#ports/telemetry'
import { createService, type Service } from '#process/service-shell'
import type { StockRequest, StockVote } from '#services/catalog'
import { introspectSession } from '#services/orders'
import { createGroupEngine } from './engine.ts'
import { addPlaceRoute } from './place-order.ts'
import { startPruning } from './prune.ts'
import { remoteOrders, remoteParticipant } from './remote.ts'
import { addStockRoute } from './set-stock.ts'
import { addSettleRoute } from './settle-orders.ts'

export type CoordinatorOverrides = { clock?: Clock }

const introspectDeadlineMs = 2_000
/** Batches of settlements come from orders' expiry. */
const bodyBytesMax = 8 * 1024 * 1024

/** The transaction coordinator: gathers what moves stock into groups, each one transaction over BookDb and OrderDb. */
export async function createCoordinator(
  config: Config,
  { secret, metricsToken }: Secrets<'secret' | 'metricsToken'>,
  { clock = systemClock }: CoordinatorOverrides = {},
): Promise<Service> {
  return createService({ name: 'coordinator', config, clock }, async (opened) => {
    const discovery = opened.use(await openDiscovery(config.discovery.url, { secret, clock }))
    const client = opened.use(serviceClient({ discovery, secret }))
    return {
      discovery,
      async serve(resources) {
        const stock = remoteParticipant<StockRequest, StockVote>(client, 'catalog')
        const engine = createGroupEngine({
          turn: setImmediate,
          stock,
          orders: remoteOrders(client),
          clock,
          holdMs: config.orders.holdMs,
        })
        const meter = roleMeter('coordinator')
        resources.use(
          meter.observed('octavo_group_waiting', 'Wishes that wait for the next group.', [], () => [
            [engine.waiting],
          ]),
        )
        const server = createHttpServer({
          name: 'coordinator',
          secret,
          metricsToken,
          bodyBytesMax,
          authenticateStaff: async (token) => {
            const options = { body: { token }, deadlineMs: introspectDeadlineMs }
            return (await client.call('orders', introspectSession, options)).member ?? undefined
          },
          ready: () => discovery.instances('catalog').length > 0 && discovery.instances('orders').length > 0,
        })
        addPlaceRoute(server, { engine, clock, secret })
        addStockRoute(server, engine, client, clock)
        addSettleRoute(server, engine)
        resources.use(startPruning([stock], client, clock))
        return server
      },
    }
  })
}
