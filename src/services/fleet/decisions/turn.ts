import { usualWeight } from '#kernel/fleet-picture'
import {
  type Action,
  type ClusterMemory,
  type FleetMemory,
  type FleetSpec,
  freshCluster,
  type Phase,
  type Seen,
  type SeenCluster,
} from './model.ts'

const timelineMax = 200

/** One turn of decisions: what is remembered changes step by step, and actions gather. */
export type Turn = {
  readonly spec: FleetSpec
  readonly seen: Seen
  readonly nowMs: number
  memory: FleetMemory
  readonly actions: Action[]
}

export const stateOf = ({ memory }: Pick<Turn, 'memory'>, name: string): ClusterMemory =>
  memory.clusters[name] ?? freshCluster

export const look = ({ seen }: Turn, name: string): SeenCluster | undefined => seen.clusters.get(name)

export function note(turn: Turn, text: string): void {
  const timeline = [...turn.memory.timeline, { atMs: turn.nowMs, text }].slice(-timelineMax)
  turn.memory = { ...turn.memory, timeline }
}

export function change(turn: Turn, name: string, to: Partial<ClusterMemory>): void {
  const before = stateOf(turn, name)
  const weightMoves = to.weight !== undefined && to.weight !== before.weight
  const showsUp = to.phase !== undefined && isPictured(to.phase) !== isPictured(before.phase)
  const clusters = { ...turn.memory.clusters, [name]: { ...before, ...to } }
  const revision = turn.memory.revision + (weightMoves || showsUp ? 1 : 0)
  turn.memory = { ...turn.memory, clusters, revision }
}

export function enter(turn: Turn, name: string, phase: Phase, to: Partial<ClusterMemory> = {}): void {
  if (stateOf(turn, name).phase !== phase) note(turn, `${name}: ${phase}`)
  change(turn, name, { ...to, phase, sinceMs: turn.nowMs })
}

/** Whether edges know of it: they probe whom they know, and one that joins has to be probed before it gets anything. */
export const isPictured = (phase: Phase): boolean => ['joining', 'serving', 'draining'].includes(phase)

/** Clusters that readers can be sent to now. */
export function serving(turn: Turn, except?: string): string[] {
  return Object.entries(turn.memory.clusters)
    .filter(
      ([name, { phase, weight }]) =>
        name !== except && phase === 'serving' && weight > 0 && look(turn, name)?.edge?.isUp === true,
    )
    .map(([name]) => name)
}

/** Whether every edge goes by the weights as they are now. */
export const isFollowed = ({ seen, memory }: Turn, revision = memory.revision): boolean =>
  seen.followed !== undefined && seen.followed >= revision

/** The weight of a cluster whose new version is judged. */
export const canaryWeight = ({ rollout }: FleetSpec): number =>
  Math.max(1, Math.round((usualWeight * rollout.canaryPercent) / 100))

export const fullWeight = usualWeight
