import { type Config, ConfigError, type Secrets } from '#config'
import { type Clock, systemClock } from '#ports/clock'
import { createHttpServer } from '#ports/http'
import { openKubernetes } from '#ports/kubernetes'
import { type LeaseDurations, openLeases } from '#ports/lease'
import { createService, type Service } from '#process/service-shell'
import { control } from './controller.ts'
import { openAlarms } from './hub/alarms.ts'
import { openEdges } from './hub/edges.ts'
import { openKeepers } from './hub/keepers.ts'
import { openPlacements } from './hub/placements.ts'
import { fleetMetrics } from './metrics.ts'

export type FleetOverrides = { clock?: Clock; durations?: LeaseDurations }

/**
 * The fleet role: makes the clusters of a hub what a BookstoreFleet says. Several may run; one of them leads.
 * @throws ConfigError when OCTAVO_FLEET names no fleet on a hub
 */
export async function createFleet(
  config: Config,
  { secret, metricsToken }: Secrets<'secret' | 'metricsToken'>,
  { clock = systemClock, durations }: FleetOverrides = {},
): Promise<Service> {
  const { url = '' } = config.fleet
  if (!url.startsWith('kubernetes:'))
    throw new ConfigError(
      `OCTAVO_FLEET is "${url}"; the controller needs kubernetes://host:port/namespace/name`,
    )
  return createService({ name: 'fleet', config, clock }, async (opened) => {
    const { api, namespace, release = 'store' } = await openKubernetes(url, clock)
    opened.use(api)
    // Edges and keepers go by clocks that agree with the hub's; this machine's may be wrong.
    const nowSeconds = () => Math.floor((api.serverMs() ?? clock.now()) / 1_000)
    const edges = opened.use(openEdges(secret, clock.monotonicMs, nowSeconds))
    const keepers = opened.use(openKeepers(secret, nowSeconds))
    const alarms = opened.use(openAlarms(metricsToken, clock.monotonicMs))
    return {
      async serve(resources) {
        const leases = resources.use(
          await openLeases(url, { holder: clock.uuid(), clock, ...(durations && { durations }) }),
        )
        const place = { namespace, name: release }
        const placements = openPlacements(api, clock.monotonicMs)
        const metrics = fleetMetrics()
        resources.use(
          leases.lead('fleet', (lost) =>
            control({ api, place, edges, keepers, placements, alarms, metrics, clock }, lost),
          ),
        )
        return createHttpServer({ name: 'fleet', secret, metricsToken })
      },
    }
  })
}
