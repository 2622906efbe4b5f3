import type { Clock } from '#ports/clock'
import { request } from '#ports/connections'
import type { Discovery } from '#ports/discovery'

export type Readiness = { isReady: boolean; missing: readonly string[] }

const probeTimeoutMs = 1_000
const rememberMs = 500

/** Tells whether each required service has an instance that says it is ready; asked often, it asks seldom. */
export function createReadiness(
  discovery: Discovery,
  requiredServices: readonly string[],
  clock: Clock,
): () => Promise<Readiness> {
  let last: Promise<Readiness> | undefined
  let askedMs = Number.NEGATIVE_INFINITY
  const ask = async () => {
    const answers = await Promise.all(requiredServices.map((service) => isServiceReady(discovery, service)))
    const missing = requiredServices.filter((_, i) => !answers[i])
    return { isReady: missing.length === 0, missing }
  }
  return () => {
    if (last === undefined || clock.monotonicMs() - askedMs > rememberMs) {
      askedMs = clock.monotonicMs()
      last = ask()
    }
    return last
  }
}

async function isServiceReady(discovery: Discovery, service: string): Promise<boolean> {
  const probes = discovery.instances(service).map(async ({ url }) => {
    const { statusCode, body } = await request(`${url}/readyz`, {
      signal: AbortSignal.timeout(probeTimeoutMs),
    })
    await body.dump()
    if (statusCode !== 200) throw new Error(`${service} answered ${statusCode}`)
  })
  return Promise.any(probes).then(
    () => true,
    // That none of them is ready is the answer.
    () => false,
  )
}
