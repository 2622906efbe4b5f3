import {
  type KeptDatabase,
  type KeptState,
  keptDatabases,
  readKeptState,
  type Want,
} from '#kernel/database-turn'
import { Agent, request } from '#ports/connections'
import { callHeader, callSigner } from '#ports/http'

const limitMs = 1_500
const answerBytesMax = 64 * 1024
const statePath = '/internal/databases'

/** By database, and by cluster, what its servers say of themselves; whoever does not answer is not in it. */
export type KeptSeen = ReadonlyMap<KeptDatabase, ReadonlyMap<string, KeptState>>

export type Keepers = AsyncDisposable & {
  /** @param urls by cluster, where its keeper listens */
  ask(urls: ReadonlyMap<string, string>): Promise<KeptSeen>
  /** Tells a server what to be. @returns whether it goes by that @throws Error when its keeper does not answer */
  tell(url: string, database: KeptDatabase, want: Want): Promise<boolean>
}

/** Asks whoever keeps the databases' servers in each cluster, and tells them what to be. @param nowSeconds that calls are signed with */
export function openKeepers(secret: string, nowSeconds?: () => number): Keepers {
  const agent = new Agent({ connections: 2, connect: { timeout: limitMs }, maxResponseSize: answerBytesMax })
  const signer = callSigner(secret, nowSeconds)
  return {
    async ask(urls) {
      const answers = await Promise.all(
        [...urls].map(
          async ([cluster, url]) =>
            [cluster, await stateOf(url, agent, signer.call('GET', statePath, null))] as const,
        ),
      )
      const seen = new Map<KeptDatabase, Map<string, KeptState>>()
      for (const [cluster, states] of answers)
        for (const name of keptDatabases) {
          const state = readKeptState(states?.[name])
          if (state === undefined) continue
          const of = seen.get(name) ?? new Map<string, KeptState>()
          seen.set(name, of.set(cluster, state))
        }
      return seen
    },
    async tell(url, database, want) {
      const path = `${statePath}/${database}`
      const text = JSON.stringify(want)
      const { statusCode, body } = await request(url + path, {
        ...{ dispatcher: agent, method: 'PUT', body: text, signal: AbortSignal.timeout(limitMs) },
        headers: { 'content-type': 'application/json', [callHeader]: signer.call('PUT', path, text) },
      })
      const answer = await body.text()
      if (statusCode !== 200)
        throw new Error(`the keeper at ${url} answers ${statusCode}: ${answer.slice(0, 200)}`)
      return (JSON.parse(answer) as { isFollowed: boolean }).isFollowed
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}

async function stateOf(
  url: string,
  dispatcher: Agent,
  proof: string,
): Promise<Record<string, unknown> | undefined> {
  try {
    const { statusCode, body } = await request(url + statePath, {
      dispatcher,
      headers: { [callHeader]: proof },
      signal: AbortSignal.timeout(limitMs),
    })
    if (statusCode === 200) return ((await body.json()) as { databases?: Record<string, unknown> }).databases
    await body.dump()
    return undefined
  } catch {
    // One that does not answer is counted as such.
    return undefined
  }
}
