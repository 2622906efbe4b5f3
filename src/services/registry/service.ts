import { type Config, ConfigError, needed } from '#config'
import { tooMany } from '#kernel/problem'
import { type Clock, every, systemClock } from '#ports/clock'
import { answer, createHttpServer } from '#ports/http'
import { endLease, leaseMs, listInstances, renewLease } from './contract.ts'
import { createLeases } from './leases.ts'

export type Registry = AsyncDisposable & { start(): Promise<void>; readonly url: string }
export type RegistryOverrides = { clock?: Clock }

const waitMs = 20_000
const expireEveryMs = 500
const waitersMax = 1_000

/**
 * The registry role: leases in memory, on the host and port of OCTAVO_DISCOVERY. It keeps nothing on disk: after a
 * restart every instance has registered again within one heartbeat.
 */
export async function createRegistry(config: Config, overrides: RegistryOverrides = {}): Promise<Registry> {
  const { clock = systemClock } = overrides
  const secret = needed(config, 'secret')
  const at = addressOf(config.discoveryUrl)
  const waiters = new Set<() => void>()
  const wakeAll = () => {
    for (const wake of waiters) wake()
  }
  const leases = createLeases(clock.uuid(), clock.monotonicMs(), wakeAll)
  const server = createHttpServer({ name: 'registry', secret })
  const expiring = every(clock, expireEveryMs, async () => leases.expire(clock.monotonicMs()))
  let isClosing = false
  let url = ''

  const newsAfter = async (revision: string | undefined) => {
    if (revision !== leases.revision || isClosing) return
    if (waiters.size >= waitersMax) throw tooMany('Too many callers are waiting for news.')
    const enough = new AbortController()
    const wake = () => enough.abort()
    waiters.add(wake)
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
    return {
      revision: leases.revision,
      upMs: leases.upMs(clock.monotonicMs()),
      instances: leases.list(),
    }
  })

  return {
    get url() {
      return url
    },
    async start() {
      url = await server.listen(at)
    },
    async [Symbol.asyncDispose]() {
      isClosing = true
      wakeAll()
      await expiring[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

function addressOf(discoveryUrl: string): { host: string; port: number } {
  const url = URL.canParse(discoveryUrl) ? new URL(discoveryUrl) : undefined
  if (url?.protocol !== 'registry:')
    throw new ConfigError(`OCTAVO_DISCOVERY is "${discoveryUrl}"; the registry needs registry://host:port`)
  return { host: url.hostname, port: Number(url.port || 8079) }
}
