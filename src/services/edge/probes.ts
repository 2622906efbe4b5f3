import { Agent, request } from 'undici'
import type { Clock } from '#ports/clock'
import { every } from '#ports/clock'
import type { Cluster } from './cluster.ts'
import type { Clusters } from './clusters.ts'

export type ProbeTimes = { everyMs: number; limitMs: number }
/** Two in a row have to fail: a cluster that freezes gets nothing new within three seconds. */
export const probeTimes: ProbeTimes = { everyMs: 1_000, limitMs: 900 }

const readinessPath = '/readyz'

/** Asks each cluster's gateway once a second whether it can serve, whatever anybody else says of it. */
export function startProbes(clusters: Clusters, clock: Clock, times = probeTimes): AsyncDisposable {
  // Connections of its own: those of requests may all be taken by what hangs.
  const agent = new Agent({ connections: 1, connect: { timeout: times.limitMs }, keepAliveTimeout: 5_000 })
  const asking = new Set<Cluster>()
  const ask = async (cluster: Cluster) => {
    if (asking.has(cluster)) return
    asking.add(cluster)
    const failure = await probe(cluster.pictured.url, agent, times.limitMs)
    asking.delete(cluster)
    // It may have left meanwhile.
    if (clusters.all().includes(cluster)) clusters.probed(cluster, failure)
  }
  const rounds = every(clock, times.everyMs, async () => clusters.all().forEach((each) => void ask(each)), {
    atOnce: true,
  })
  return {
    async [Symbol.asyncDispose]() {
      await rounds[Symbol.asyncDispose]()
      await agent.destroy()
    },
  }
}

/** @returns what is wrong, undefined when it is ready */
async function probe(url: string, dispatcher: Agent, limitMs: number): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(limitMs)
    const { statusCode, body } = await request(url + readinessPath, { dispatcher, signal })
    await body.dump()
    return statusCode === 200 ? undefined : `it answers ${statusCode}`
  } catch (error) {
    const { name, message } = error as Error
    return name === 'TimeoutError' ? `no answer within ${limitMs} ms` : message
  }
}
