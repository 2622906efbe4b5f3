import type { Clock } from '#ports/clock'
import { every } from '#ports/clock'
import { Agent, request } from '#ports/connections'
import type { Cluster } from './cluster.ts'
import type { Clusters, ProbeAnswer } from './clusters.ts'

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
    const answer = await probe(cluster.pictured.url, agent, times.limitMs)
    asking.delete(cluster)
    // It may have left meanwhile.
    if (clusters.all().includes(cluster)) clusters.probed(cluster, answer)
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

async function probe(url: string, dispatcher: Agent, limitMs: number): Promise<ProbeAnswer> {
  try {
    const signal = AbortSignal.timeout(limitMs)
    const { statusCode, body } = await request(url + readinessPath, { dispatcher, signal })
    if (statusCode === 200) return versionIn(await body.text())
    await body.dump()
    return { failure: `it answers ${statusCode}` }
  } catch (error) {
    const { name, message } = error as Error
    return { failure: name === 'TimeoutError' ? `no answer within ${limitMs} ms` : message }
  }
}

function versionIn(text: string): ProbeAnswer {
  try {
    const { version, epoch } = JSON.parse(text) as { version?: unknown; epoch?: unknown }
    return {
      ...(typeof version === 'string' && { version }),
      ...(Number.isSafeInteger(epoch) && { epoch: epoch as number }),
    }
  } catch {
    // Older versions say nothing of it.
    return {}
  }
}
