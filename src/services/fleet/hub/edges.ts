import { Agent, request } from '#ports/connections'
import { callHeader, callSigner } from '#ports/http'
import type { EdgeCluster, EdgeState } from '#services/edge'
import type { SeenByEdges } from '../decisions/model.ts'
import { orderTallies } from './order-tallies.ts'
import { readEdgeState } from './read-edge-state.ts'

const limitMs = 1_500
const answerBytesMax = 4 * 1024 * 1024
const statePath = '/internal/edge'

export type EdgesSeen = {
  /** The revision that all follow; undefined when one does not answer. */
  followed: number | undefined
  /** Those that answer. */
  answering: ReadonlySet<string>
  /** The latest revision and epoch that any of them follows. */
  heard: { revision: number; epoch: number }
  demand: number | undefined
  clusters: ReadonlyMap<string, SeenByEdges>
}

export type Edges = AsyncDisposable & { ask(urls: readonly string[]): Promise<EdgesSeen> }

/** Asks every edge how it sees the clusters. @param nowMs that rates are of; @param nowSeconds that calls are signed with */
export function openEdges(secret: string, nowMs: () => number, nowSeconds?: () => number): Edges {
  const agent = new Agent({ connections: 2, connect: { timeout: limitMs }, maxResponseSize: answerBytesMax })
  const signer = callSigner(secret, nowSeconds)
  const tallies = orderTallies()
  return {
    async ask(urls) {
      const answers = await Promise.all(
        urls.map((url) => stateOf(url, agent, signer.call('GET', statePath, null))),
      )
      const atMs = nowMs()
      const states = answers.filter((each) => each !== undefined)
      const answering = urls.filter((_, i) => answers[i] !== undefined)
      urls.forEach((url, i) => {
        if (answers[i] !== undefined) tallies.note(url, answers[i], atMs)
      })
      const rates = tallies.rates(answering)
      const clusters = new Map(
        [...together(states)].map(([name, each]): [string, SeenByEdges] => [
          name,
          { ...each, orders: tallies.of(urls, name), ordersPerSecond: rates.get(name) },
        ]),
      )
      const demand = rates.size === 0 ? undefined : [...rates.values()].reduce((sum, each) => sum + each, 0)
      const isWhole = urls.length > 0 && states.length === urls.length
      const followed = isWhole ? Math.min(...states.map(({ revision }) => revision)) : undefined
      const latest = (pick: (state: EdgeState) => number) => Math.max(0, ...states.map(pick))
      const heard = { revision: latest(({ revision }) => revision), epoch: latest(({ epoch }) => epoch) }
      return { followed, heard, answering: new Set(answering), demand, clusters }
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}

async function stateOf(url: string, dispatcher: Agent, proof: string): Promise<EdgeState | undefined> {
  try {
    const { statusCode, body } = await request(url + statePath, {
      dispatcher,
      headers: { [callHeader]: proof },
      signal: AbortSignal.timeout(limitMs),
    })
    if (statusCode === 200) return readEdgeState(await body.json())
    await body.dump()
    return undefined
  } catch {
    // One that does not answer is counted as such.
    return undefined
  }
}

/** A cluster is up when no edge finds it down, for each sends its own readers there. */
function together(states: readonly EdgeState[]): Map<string, SeenWithoutOrders> {
  const latest = Math.max(0, ...states.map(({ epoch }) => epoch))
  const writers = new Set(
    states.flatMap(({ epoch, clusters }) =>
      clusters.flatMap(({ name, takesWrites }) => (takesWrites && epoch === latest ? [name] : [])),
    ),
  )
  const found = new Map<string, EdgeCluster[]>()
  for (const each of states.flatMap(({ clusters }) => clusters))
    found.set(each.name, [...(found.get(each.name) ?? []), each])
  return new Map(
    [...found].map(([name, views]) => [
      name,
      { ...viewOf(views, states.length), takesWrites: writers.has(name) },
    ]),
  )
}

type SeenWithoutOrders = Omit<SeenByEdges, 'orders' | 'ordersPerSecond'>

function viewOf(views: readonly EdgeCluster[], edges: number): SeenWithoutOrders {
  const [version, ...others] = new Set(views.map((each) => each.version))
  const sum = (pick: (each: EdgeCluster) => number) => views.reduce((total, each) => total + pick(each), 0)
  return {
    // One that is being probed for the first time is not up yet.
    isUp: views.length === edges && views.every((each) => each.isUp && each.isProbed),
    // Pods of two versions answer while a cluster rolls over: then it is of none.
    version: others.length > 0 || views.some(({ isMixed }) => isMixed) ? 'several' : version,
    inFlight: sum(({ inFlight, streams }) => inFlight + streams),
    weight: Math.max(...views.map(({ weight }) => weight)),
  }
}
