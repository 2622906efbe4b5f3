import { approvalsNeeded, approversIn } from '#kernel/fleet-approvals'
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
  /** Nothing is done, and this is what would be. */
  dryRun: Type.Boolean(),
  plan: Type.Array(Type.String()),
  /** What holds up more than one cluster. */
  troubles: Type.Array(Type.String()),
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
      /** How many people more have to let it in. */
      approvalsMissing: Count,
      intent: Type.String(),
      /** In which it is drained: what is to come, and what it is in. */
      maintenance: Type.Array(Type.Object({ from: Type.String(), until: Type.String() })),
      /** Why it is where it is: what it waits for, or the last thing that was said of it. */
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
    dryRun?: boolean
    clusters?: {
      name: string
      ring?: number
      approvedBy?: string[]
      production?: boolean
      intent?: string
      maintenance?: { from: string; until: string }[]
    }[]
  }
  status?: {
    picture?: unknown
    message?: string
    plan?: string[]
    why?: Record<string, string>
    troubles?: string[]
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
  const named = spec.clusters ?? state.clusters.map(({ name }) => ({ name }))
  // What the fleet does not name any more may still be on its way out.
  const leaving = state.clusters.filter(({ name }) => !named.some((each) => each.name === name))
  const members = [...named, ...leaving.map(({ name }) => ({ name, intent: 'leave' }))]
  return {
    ...{ asOf: isoOf(nowMs), revision: state.revision, epoch: state.epoch },
    wanted: spec.version ?? null,
    message: status.message ?? 'this edge goes by a picture that nobody changes by himself',
    ...{ paused: spec.paused ?? false, blocked: memory.blocked ?? null },
    ...{ dryRun: spec.dryRun ?? false, plan: status.plan ?? [], troubles: status.troubles ?? [] },
    clusters: members.map((each) => memberView(each, fleet, state.clusters, nowMs)),
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
  nowMs: number,
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
    approvalsMissing: Math.max(
      0,
      fleet === undefined ? 0 : approvalsNeeded(production) - approversIn(approvedBy).size,
    ),
    why: fleet?.status?.why?.[name] ?? said?.slice(name.length + 2) ?? null,
    maintenance: (member.maintenance ?? [])
      .filter(({ until }) => Date.parse(until) > nowMs)
      .map(({ from, until }) => ({ from, until })),
    homeOf: Object.entries(homesOf(memory)).flatMap(([database, { cluster }]) =>
      cluster === name ? [database] : [],
    ),
  }
}
