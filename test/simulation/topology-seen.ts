import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import type { FleetMemory, Seen, SeenCluster } from '../../src/services/fleet/decisions/model.ts'
import type { Both, SeenCopy, Told, Topology } from '../../src/services/fleet/decisions/topology.ts'
import type { Copy } from './cloudnative-pg.ts'
import type { SimEdge } from './topology-edge.ts'

/** What the protocol is robbed of, to see the checks notice. */
export type Weakness =
  | 'promotes without a token'
  | 'promotes before the token is there'
  | 'takes a token of an earlier move'
  | 'writes works at whatever version'
  | 'does not wait for edges'
  | 'nobody holds up the home that was given up'
  | 'goes by what was said before'
  | 'says that it follows before it is on the disk'
  | 'waits for answers of an earlier turn'
  | 'takes works of an earlier day'
  | 'does not ask edges what they know'

export type Cluster = {
  name: string
  copies: Record<KeptDatabase, Copy>
  /** By its work; its gateways refuse what comes with a later one. */
  epoch: number
  lostUntil: number
  /** Its agent hears nothing of the hub. */
  cutUntil: number
  /** Its agent says nothing to the hub, and goes on with what it hears. */
  mutedUntil: number
}
export type Work = {
  version: number
  told: Told
  /** What was fed back, and of which version of it. */
  copies: Partial<Both<SeenCopy>>
  appliedVersion: number
}
export type Hub = {
  version: number
  memory: FleetMemory
  wanted: string
  accepted: number | undefined
  works: ReadonlyMap<string, Work>
  /** By the works of stores. */
  epochs: ReadonlyMap<string, number>
}
/** The policy of clusters would make up for those. */
export const unpoliced: readonly Weakness[] = [
  'takes works of an earlier day',
  'writes works at whatever version',
]
type World = {
  names: readonly string[]
  edges: readonly SimEdge[]
  tick: number
  is(weakness: Weakness): boolean
  picturesTell: boolean
  isAway(cluster: Cluster): boolean
  of(name: string): Cluster
}

/** What the controller sees of the fleet, with what it is robbed of. */
export function seenBy({ memory, epochs }: Hub, works: Hub['works'], world: World): Seen {
  const { names, edges, tick, is, picturesTell, isAway, of } = world
  const answering = edges.filter((edge) => tick >= edge.cutUntil)
  const isAsked = !is('does not ask edges what they know')
  const isKeptFirst = !is('says that it follows before it is on the disk')
  const followed = Math.min(...edges.map((edge) => edge.revision(isKeptFirst)))
  const isFollowed = answering.length === edges.length || is('does not wait for edges')
  const latest = Math.max(0, ...answering.map(({ picture }) => picture.epoch))
  const seen = names.map((name): [string, SeenCluster] => {
    const work = works.get(name)
    const isUp = !isAway(of(name))
    const takesWrites =
      picturesTell && answering.some((edge) => edge.picture.epoch === latest && edge.writers.includes(name))
    return [
      name,
      {
        ...{
          name,
          registration: 'accepted',
          isAvailable: isUp,
          isTainted: false,
          works: 2,
          hasRights: true,
        },
        ...{ requests: [], alarms: undefined },
        work: { version: '1', epoch: epochs.get(name), isApplied: true, isReady: true },
        edge: {
          ...{ isUp, version: '1', inFlight: 0, takesWrites, ordersPerSecond: 1 },
          orders: { taken: 0, failed: 0, slow: 0 },
        },
        databases: work && {
          ...{ version: String(work.version), told: work.told },
          ...{
            isApplied: work.appliedVersion === work.version,
            copies: weak(memory.topology, work.copies, world),
          },
        },
      },
    ]
  })
  return {
    ...{ clusters: new Map(seen), versions: [], decided: undefined, answering: new Set(), demand: 1 },
    followed: isFollowed ? (is('does not wait for edges') ? Number.MAX_SAFE_INTEGER : followed) : undefined,
    heard: {
      revision: isAsked
        ? Math.max(0, ...answering.map((edge) => edge.revision(isKeptFirst)))
        : memory.revision,
      epoch: isAsked ? latest : memory.epoch,
    },
    kept: new Map(),
  }
}

function weak(topology: Topology | undefined, copies: Partial<Both<SeenCopy>>, { is, of }: World) {
  const weaker = { ...copies }
  for (const each of keptDatabases) {
    const copy = copies[each]
    if (copy === undefined || topology === undefined) continue
    if (is('takes a token of an earlier move') && topology.step !== 'demoting')
      weaker[each] = { ...copy, demotionToken: '' }
    if (is('promotes before the token is there') && topology.step === 'demoting')
      weaker[each] = {
        ...{ ...copy, primary: topology.to, telling: topology.telling },
        demotionToken: of(topology.to).copies[each].tokenNow(),
      }
    if (is('goes by what was said before') && copy.telling > 0)
      weaker[each] = { ...copy, telling: topology.telling }
  }
  return weaker
}

export const tokenless = (want: Exclude<Told, 'look'>): Told => ({
  'order-db': { ...want['order-db'], token: '' },
  'book-db': { ...want['book-db'], token: '' },
  ...{ telling: want.telling, home: want.home, isUnsettled: want.isUnsettled },
})
