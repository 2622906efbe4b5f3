import { Nullable } from '#kernel/schemas'
import { type Static, Type } from '#kernel/type'
import { EdgeCluster } from './edge-state.ts'

const Count = Type.Integer({ minimum: 0 })

/** The fleet as its controller remembers it, and as this edge sees it. */
export const FleetView = Type.Object({
  asOf: Type.String(),
  /** Of the picture that this edge follows. */
  revision: Count,
  epoch: Count,
  /** Null where nobody looks after it: an edge that goes by a file. */
  wanted: Nullable(Type.String()),
  message: Type.String(),
  paused: Type.Boolean(),
  /** Why the wanted version is not rolled out. */
  blocked: Nullable(Type.String()),
  clusters: Type.Array(
    Type.Object({
      name: Type.String(),
      phase: Type.String(),
      version: Nullable(Type.String()),
      weight: Count,
      ring: Count,
      approvedBy: Type.Array(Type.String()),
      /** How many people have to let it in. */
      approvalsNeeded: Count,
      intent: Type.String(),
      /** The last thing that was said of it: why it is where it is. */
      why: Nullable(Type.String()),
      /** Databases whose primary is there. */
      homeOf: Type.Array(Type.String()),
      seen: Nullable(EdgeCluster),
    }),
  ),
  rollout: Nullable(
    Type.Object({
      version: Type.String(),
      from: Type.String(),
      cluster: Type.String(),
      step: Type.String(),
      since: Type.String(),
    }),
  ),
  bad: Type.Array(Type.Object({ version: Type.String(), why: Type.String() })),
  databases: Type.Array(
    Type.Object({ name: Type.String(), cluster: Type.String(), epoch: Count, step: Type.String() }),
  ),
  /** The newest first. */
  timeline: Type.Array(Type.Object({ at: Type.String(), text: Type.String() })),
})
export type FleetView = Static<typeof FleetView>

/** What an edge reads of a BookstoreFleet, whatever else is in it. */
export type FleetObject = {
  spec?: {
    version?: string
    paused?: boolean
    clusters?: {
      name: string
      ring?: number
      approvedBy?: string[]
      production?: boolean
      intent?: string
    }[]
  }
  status?: {
    picture?: unknown
    message?: string
    memory?: {
      blocked?: string
      clusters?: Record<string, { phase: string; version?: string; weight: number }>
      rollout?: { version: string; from: string; cluster: string; step: string; sinceMs: number }
      bad?: Record<string, string>
      homes?: Record<string, Home>
      topology?: { home: string; epoch: number; step: string; trouble?: string }
      timeline?: { atMs: number; text: string }[]
    }
  }
}

type Home = { cluster: string; epoch: number; step: string }
const shownEvents = 50

/** @param fleet as it was last heard of; undefined for an edge that goes by a file */
export function fleetView(
  fleet: FleetObject | undefined,
  state: { revision: number; epoch: number; clusters: readonly EdgeCluster[] },
  nowMs: number,
): FleetView {
  const { spec = {}, status = {} } = fleet ?? {}
  const { memory = {} } = status
  const { rollout } = memory
  const isoOf = (ms: number) => new Date(ms).toISOString()
  const members = spec.clusters ?? state.clusters.map(({ name }) => ({ name }))
  return {
    ...{ asOf: isoOf(nowMs), revision: state.revision, epoch: state.epoch },
    wanted: spec.version ?? null,
    message: status.message ?? 'this edge goes by a picture that nobody changes by himself',
    ...{ paused: spec.paused ?? false, blocked: memory.blocked ?? null },
    clusters: members.map((each) => memberView(each, fleet, state.clusters)),
    rollout: rollout ? { ...pick(rollout), since: isoOf(rollout.sinceMs) } : null,
    bad: Object.entries(memory.bad ?? {}).map(([version, why]) => ({ version, why })),
    databases: Object.entries(homesOf(memory)).map(([name, { cluster, epoch, step }]) => ({
      ...{ name, cluster, epoch, step },
    })),
    timeline: (memory.timeline ?? [])
      .slice(-shownEvents)
      .toReversed()
      .map(({ atMs, text }) => ({ at: isoOf(atMs), text })),
  }
}

/** Of whoever looks after the databases. */
function homesOf(memory: Memory | undefined): Record<string, Home> {
  const { topology, homes = {} } = memory ?? {}
  if (topology === undefined) return homes
  const { home: cluster, epoch, step } = topology
  return { 'order-db': { cluster, epoch, step }, 'book-db': { cluster, epoch, step } }
}
type Memory = NonNullable<NonNullable<FleetObject['status']>['memory']>

const pick = ({
  version,
  from,
  cluster,
  step,
}: {
  version: string
  from: string
  cluster: string
  step: string
}) => ({
  ...{ version, from, cluster, step },
})

type Member = NonNullable<NonNullable<FleetObject['spec']>['clusters']>[number]

function memberView(
  member: Member,
  fleet: FleetObject | undefined,
  seen: readonly EdgeCluster[],
): FleetView['clusters'][number] {
  const { name, ring = 0, approvedBy = [], production = true, intent = 'serve' } = member
  const memory = fleet?.status?.memory
  const own = seen.find((each) => each.name === name) ?? null
  const { phase, version, weight } = memory?.clusters?.[name] ?? {
    ...{ phase: own === null ? 'out' : 'serving', version: own?.version, weight: own?.weight ?? 0 },
  }
  const said = memory?.timeline?.findLast(({ text }) => text.startsWith(`${name}: `))?.text
  return {
    ...{ name, phase, version: version ?? null, weight, ring, approvedBy, intent, seen: own },
    approvalsNeeded: production && fleet !== undefined ? 2 : 1,
    why: said?.slice(name.length + 2) ?? null,
    homeOf: Object.entries(homesOf(memory)).flatMap(([database, { cluster }]) =>
      cluster === name ? [database] : [],
    ),
  }
}
