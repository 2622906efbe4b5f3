import { join } from 'node:path'
import { type Config, ConfigError, type Secrets } from '#config'
import { type Clock, systemClock } from '#ports/clock'
import { type ConnectionLimits, createHttpServer } from '#ports/http'
import { logger } from '#ports/log'
import { createService, type Service } from '#process/service-shell'
import type { Cluster } from './cluster.ts'
import { type Clusters, openClusters } from './clusters.ts'
import { type EdgeCluster, type EdgeState, getEdgeState } from './contract.ts'
import { createEdgeServer } from './edge-server.ts'
import { type FleetObject, fleetView } from './fleet-view.ts'
import { observeClusters } from './metrics.ts'
import { followPicture, type KeptPictures, keepPictures, lastPicture } from './picture-source.ts'
import { type ProbeTimes, startProbes } from './probes.ts'

export type EdgeOverrides = {
  clock?: Clock
  probeTimes?: ProbeTimes
  /** How often it looks for a renewed certificate. */
  certificateEveryMs?: number
  connectionLimits?: ConnectionLimits
  /** To one cluster. */
  connectionsMax?: number
  onListening?: (url: string) => void
}

const log = logger('edge')

/**
 * The edge role: the public door of a fleet, before the gateways of its clusters. It keeps nothing but the last picture
 * of the fleet; any number of them stand side by side.
 */
export async function createEdge(
  config: Config,
  { secret, metricsToken }: Secrets<'secret' | 'metricsToken'>,
  {
    clock = systemClock,
    probeTimes,
    certificateEveryMs,
    connectionLimits,
    connectionsMax,
    onListening,
  }: EdgeOverrides = {},
): Promise<Service> {
  const { url } = config.fleet
  if (url === undefined) throw new ConfigError('OCTAVO_FLEET is not set; the edge goes by it')
  return createService({ name: 'edge', config, clock, at: config.gateway }, async (opened) => {
    const clusters = opened.use(openClusters(clock, connectionsMax))
    const path = join(config.dataPath, 'edge', 'picture.json')
    const last = lastPicture(path)
    if (last !== undefined) clusters.follow(last)
    return {
      async serve(resources) {
        const kept = resources.use(keepPictures(path, last?.revision))
        let fleet: FleetObject | undefined
        const noteFleet = (object: FleetObject) => {
          fleet = object
        }
        resources.use(await followPicture(url, clock, (picture) => tell(clusters, picture, kept), noteFleet))
        resources.use(startProbes(clusters, clock, probeTimes))
        resources.use(observeClusters(clusters))
        const instance = clock.uuid()
        const inner = createHttpServer({
          ...{ name: 'edge', secret, metricsToken },
          ready: () => clusters.all().some(isUsable),
        })
        inner.add(getEdgeState, async () => stateOf(instance, clusters, kept.revision))
        resources.use(inner)
        const innerUrl = await inner.listen(config.service)
        onListening?.(innerUrl)
        log.info('tells of itself', { url: innerUrl })
        const view = () => fleetView(fleet, stateOf(instance, clusters, kept.revision), clock.now())
        return createEdgeServer(config, clusters, clock, { view, certificateEveryMs, connectionLimits })
      },
    }
  })
}

function tell(clusters: Clusters, picture: Parameters<Clusters['follow']>[0], kept: KeptPictures): void {
  const { revision, epoch } = picture
  if (!clusters.follow(picture)) {
    log.warn('a picture of an earlier epoch is not followed', {
      revision,
      epoch,
      own: clusters.picture.epoch,
    })
    return
  }
  log.info('follows a picture of the fleet', { revision, epoch, clusters: picture.clusters.length })
  kept.keep(picture)
}

const isUsable = ({ health, pictured }: Cluster) => health.kind === 'up' && pictured.weight > 0

const stateOf = (instance: string, clusters: Clusters, revision: number): EdgeState => ({
  instance,
  revision,
  epoch: clusters.picture.epoch,
  clusters: clusters.all().map(shown),
})

function shown({
  pictured,
  health,
  versions,
  epoch,
  isProbed,
  breaker,
  isSlow,
  attempts,
  counts,
}: Cluster): EdgeCluster {
  const [version, ...others] = new Set(versions)
  const streams = [...attempts].filter(({ isStream }) => isStream).length
  return {
    name: pictured.name,
    isUp: health.kind === 'up',
    ...(health.kind === 'down' && { reason: health.reason }),
    ...(version !== undefined && others.length === 0 && { version }),
    ...(epoch !== undefined && { epoch }),
    isMixed: others.length > 0,
    isProbed,
    isCutOff: breaker.kind === 'open',
    isSlow,
    weight: pictured.weight,
    takesWrites: pictured.takesWrites,
    inFlight: attempts.size - streams,
    streams,
    ...counts,
  }
}
