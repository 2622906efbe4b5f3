import { type Config, ConfigError, type Secrets } from '#config'
import { tooMany } from '#kernel/problem'
import { type Clock, every, systemClock } from '#ports/clock'
import type { Instance } from '#ports/discovery'
import { answer, createHttpServer, type HttpServer } from '#ports/http'
import { createService, type Service } from '#process/service-shell'
import { endLease, leaseMs, listInstances, prometheusTargets, renewLease } from './contract.ts'
import { createLeases, type Leases } from './leases.ts'

export type RegistryOverrides = { clock?: Clock }

const waitMs = 20_000
const expireEveryMs = 500
const waitersMax = 1_000

/**
 * The registry role: leases in memory, on the host and port of OCTAVO_DISCOVERY. It keeps nothing on disk: after a
 * restart every instance has registered again within one heartbeat.
 */
export async function createRegistry(
  config: Config,
  { secret, metricsToken }: Secrets<'secret' | 'metricsToken'>,
  { clock = systemClock }: RegistryOverrides = {},
): Promise<Service> {
  const at = addressOf(config.discovery.url)
  return createService({ name: 'registry', config, clock, at }, async () => ({
    // It finds itself, so it is registered nowhere.
    serve: async (resources) => {
      const waiters = new Set<() => void>()
      const wakeAll = () => {
        for (const wake of waiters) wake()
      }
      const leases = createLeases(clock.uuid(), clock.monotonicMs(), wakeAll)
      resources.use(every(clock, expireEveryMs, async () => leases.expire(clock.monotonicMs())))
      const server = createHttpServer({ name: 'registry', secret, metricsToken })
      const waiting = addRoutes(server, leases, waiters, clock)
      return {
        listen: server.listen,
        async [Symbol.asyncDispose]() {
          // Who waits for news is in flight, and would be waited for.
          waiting.end()
          await server[Symbol.asyncDispose]()
        },
      }
    },
  }))
}

function addRoutes(server: HttpServer, leases: Leases, waiters: Set<() => void>, clock: Clock) {
  let isClosing = false
  const newsAfter = async (revision: string | undefined) => {
    if (revision !== leases.revision || isClosing) return
    if (waiters.size >= waitersMax) throw tooMany('Too many callers are waiting for news.')
    const enough = new AbortController()
    const wake = () => enough.abort()
    waiters.add(wake)
    // Ended early by news.
    await clock.sleep(waitMs, enough.signal).catch(() => {})
    waiters.delete(wake)
  }
  server.add(renewLease, async ({ params, body }) => {
    leases.renew({ ...body, service: params.service, id: params.id }, clock.monotonicMs())
    return { leaseMs }
  })
  server.add(endLease, async ({ params }) => {
    leases.end(params.service, params.id)
    return answer(204)
  })
  server.add(listInstances, async ({ query }) => {
    await newsAfter(query.after)
    return { revision: leases.revision, upMs: leases.upMs(clock.monotonicMs()), instances: leases.list() }
  })
  server.add(prometheusTargets, async () => answer(200, leases.list().map(targetOf)))
  return {
    end: () => {
      isClosing = true
      for (const wake of waiters) wake()
    },
  }
}

/** Labels that begin with two underscores say how it is read. */
function targetOf({ service, url, version }: Instance) {
  const { protocol, host } = new URL(url)
  const labels = { role: service, version, __scheme__: protocol.replace(':', '') }
  return { targets: [host], labels }
}

function addressOf(discoveryUrl: string): { host: string; port: number } {
  const url = URL.canParse(discoveryUrl) ? new URL(discoveryUrl) : undefined
  if (url?.protocol !== 'registry:')
    throw new ConfigError(`OCTAVO_DISCOVERY is "${discoveryUrl}"; the registry needs registry://host:port`)
  return { host: url.hostname, port: Number(url.port || 8079) }
}
