import { setTimeout as sleep } from 'node:timers/promises'
import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import { systemClock } from '#ports/clock'
import { decideHome, type Home } from '../../src/services/fleet/decisions/home.ts'
import { type KeptSeen, openKeepers } from '../../src/services/fleet/hub/keepers.ts'
import type { TestScope } from './database.ts'
import type { KeptCluster } from './kept-cluster.ts'
import { until } from './until.ts'

/** What the controller does about databases, without a hub. */
export type Homes = {
  /** Where the databases should be from now on; empty leaves them where they are. */
  wanted: string
  isPaused: boolean
  readonly said: readonly string[]
  home(database: KeptDatabase): Home | undefined
  /** Whether a cluster's server receives what the primary of this turn writes. */
  receives(database: KeptDatabase, cluster: string): boolean
  /** By hand: makes one the primary in a later turn, and tells no other. For what the fleet never does. */
  tellAll(primary: string, how: { quorum: number; epochBy: number }): Promise<void>
  isPrimary(cluster: string): boolean
  /** Waits until both databases are at home, at this cluster or at any but those. */
  steady(test: (cluster: string) => boolean, limitMs?: number): Promise<void>
}

const lostAfterMs = 2_000
const roundMs = 150

export function startHomes(
  scope: TestScope,
  clusters: readonly KeptCluster[],
  secret: string,
  first: string,
): Homes {
  const keepers = openKeepers(secret)
  const memory = new Map<KeptDatabase, Home>()
  let seen: KeptSeen = new Map()
  const said: string[] = []
  const urls = new Map(clusters.map(({ name, keeperUrl }) => [name, keeperUrl]))
  let isOver = false
  const homes: Homes = {
    ...{ wanted: first, isPaused: false, said },
    home: (database) => memory.get(database),
    receives(database, cluster) {
      const state = seen.get(database)?.get(cluster)
      return state?.receives === true && state.epoch === memory.get(database)?.epoch
    },
    async tellAll(primary, { quorum, epochBy }) {
      for (const database of keptDatabases) {
        const { epoch = 0, members = [] } = memory.get(database) ?? {}
        const told = { epoch: epoch + epochBy, primary, members: [...members], quorum, from: null }
        const want = { ...told, state: 'primary', isFirst: false, isPlanned: false } as const
        await keepers.tell(urls.get(primary) ?? '', database, want)
      }
    },
    isPrimary: (cluster) =>
      keptDatabases.every((database) => {
        const state = seen.get(database)?.get(cluster)
        return state?.state === 'primary' && state.isAsTold
      }),
    steady: (test, limitMs = 60_000) =>
      until(
        () =>
          keptDatabases.every((name) => {
            const home = memory.get(name)
            return home?.step === 'steady' && test(home.cluster)
          }),
        `the databases are at home: ${JSON.stringify([...memory])} ${said.join('\n')}`,
        limitMs,
      ),
  }
  const round = async () => {
    seen = await keepers.ask(urls)
    if (homes.isPaused) return
    for (const database of keptDatabases) {
      const members = clusters.map((each) => ({ name: each.name, address: each.address(database) }))
      const spec = { members, wanted: homes.wanted, lostAfterMs }
      const states = seen.get(database) ?? new Map()
      const decided = decideHome(spec, states, memory.get(database), systemClock.now())
      if (decided.home !== undefined) memory.set(database, decided.home)
      said.push(...decided.said.map((text) => `${database}: ${text}`))
      await Promise.all(
        [...decided.wants].map(([cluster, want]) =>
          // One that is away is told again.
          keepers.tell(urls.get(cluster) ?? '', database, want).catch(() => false),
        ),
      )
    }
  }
  const running = (async () => {
    while (!isOver) {
      await round()
      await sleep(roundMs)
    }
  })()
  scope.after(async () => {
    isOver = true
    await running
    await keepers[Symbol.asyncDispose]()
  })
  return homes
}
