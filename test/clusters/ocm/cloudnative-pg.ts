import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import { systemClock } from '#ports/clock'
import type { Both } from '../../../src/services/fleet/decisions/topology.ts'
import { Copy } from '../../simulation/cloudnative-pg.ts'
import type { TestScope } from '../../support/database.ts'
import type { Spoke } from './work-agent.ts'

export const clusterNames: Both<string> = { 'order-db': 'octavo-order-db', 'book-db': 'octavo-book-db' }
const lookMs = 150

/** The databases of a cluster, as CloudNativePG's operator and its instances would have them. */
export type StandInDatabases = {
  readonly copies: Both<Copy>
  /** Nobody looks after them, and they can be neither reached nor written to. */
  isAway: boolean
  /** Its owner deletes both Clusters, and makes them again from another's. */
  makeAnew(from: string): Promise<void>
  /** An order, in both databases or in none. @returns whether it was acknowledged */
  take(id: number): boolean
}

type Replica = { self: string; primary: string; source: string; promotionToken?: string }
type ClusterObject = {
  spec: { replica?: Replica }
  metadata: { uid?: string; annotations?: Record<string, string> }
}

/**
 * A stand-in for CloudNativePG's operator over a real API server: what it and its instances do with `spec.replica` of the
 * two Clusters of each spoke, and what their status says of it. There is no kubelet to run PostgreSQL.
 */
export async function startDatabases(
  scope: TestScope,
  spokes: ReadonlyMap<string, Spoke>,
  home: string,
): Promise<ReadonlyMap<string, StandInDatabases>> {
  const all = new Map<string, StandInDatabases>()
  const names = [...spokes.keys()]
  const pathOf = ({ namespace }: Spoke) => `/apis/postgresql.cnpg.io/v1/namespaces/${namespace}/clusters`
  const make = async (name: string, spoke: Spoke, primary: string) => {
    for (const each of keptDatabases)
      await spoke.api.send('POST', pathOf(spoke), clusterOf(clusterNames[each], name, primary, names))
  }
  for (const [name, spoke] of spokes) {
    await make(name, spoke, home)
    const copies = { 'order-db': new Copy(name, home), 'book-db': new Copy(name, home) }
    for (const each of keptDatabases) copies[each].receivesMax = 1_000
    const databases: StandInDatabases = {
      ...{ copies, isAway: false },
      async makeAnew(from) {
        for (const each of keptDatabases)
          await spoke.api.send('DELETE', `${pathOf(spoke)}/${clusterNames[each]}`)
        await make(name, spoke, from)
        const source = all.get(from)?.copies
        for (const each of keptDatabases) if (source) copies[each].makeAnew(source[each])
      },
      take(id) {
        if (databases.isAway || keptDatabases.some((each) => copies[each].role !== 'primary')) return false
        for (const each of keptDatabases) copies[each].log.push(id)
        return true
      },
    }
    all.set(name, databases)
  }
  const sourceOf = (database: KeptDatabase) => (name: string) => {
    const from = all.get(name)
    return from === undefined || from.isAway ? undefined : from.copies[database]
  }
  const stop = new AbortController()
  const running = (async () => {
    for (let tick = 0; !stop.signal.aborted; tick++) {
      for (const [name, spoke] of spokes)
        for (const each of keptDatabases) {
          const databases = all.get(name) as StandInDatabases
          if (databases.isAway) continue
          const at = `${pathOf(spoke)}/${clusterNames[each]}`
          // One that is being made anew is looked at again.
          await lookAfter(spoke, at, databases.copies[each], tick, sourceOf(each)).catch(() => {})
        }
      // Called off by the end.
      await systemClock.sleep(lookMs, stop.signal).catch(() => {})
    }
  })()
  scope.after(async () => {
    stop.abort()
    await running
  })
  return all
}

async function lookAfter(
  { api }: Spoke,
  at: string,
  copy: Copy,
  tick: number,
  source: (name: string) => Copy | undefined,
): Promise<void> {
  const object = await api.get<ClusterObject>(at)
  const replica = object?.spec.replica
  if (replica === undefined) return
  const { primary, promotionToken: token = '' } = replica
  const { octavoTelling = '0', octavoHome = '', octavoUnsettled } = object?.metadata.annotations ?? {}
  copy.apply(
    { primary, source: replica.source, token },
    { telling: Number(octavoTelling), home: octavoHome, isUnsettled: octavoUnsettled === 'true' },
  )
  copy.live(tick, systemClock.random, source)
  const { demotionToken, taken, ready, timeline, system, phase } = copy.shown()
  const status = {
    ...{ demotionToken: demotionToken || null, lastPromotionToken: taken || null, phase },
    ...{ readyInstances: ready, timelineID: timeline, systemID: system },
    switchReplicaClusterStatus: { inProgress: copy.role === 'stopped' },
  }
  await api.send('PATCH', `${at}/status`, { status })
}

/** As its owner makes it: the same of all clusters but for who it is, and where it begins from. */
export const clusterOf = (name: string, self: string, primary: string, members: readonly string[]) => ({
  ...{ apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster', metadata: { name } },
  spec: {
    ...{ instances: 1, storage: { size: '1Gi' }, imageName: 'ghcr.io/cloudnative-pg/postgresql:18.1' },
    bootstrap:
      self === primary
        ? { initdb: { database: 'octavo', owner: 'octavo' } }
        : { pg_basebackup: { source: primary } },
    replica: {
      self,
      primary,
      source: self === primary ? (members.find((each) => each !== self) ?? self) : primary,
    },
    externalClusters: members.map((each) => ({
      ...{
        name: each,
        connectionParameters: { host: `${name}.${each}.example.org`, user: 'streaming_replica' },
      },
    })),
  },
})
