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

/** One round of decisions: what is remembered changes step by step, and actions gather. */
export type Round = {
  readonly spec: FleetSpec
  readonly seen: Seen
  readonly nowMs: number
  memory: FleetMemory
  readonly actions: Action[]
}

export const stateOf = ({ memory }: Pick<Round, 'memory'>, name: string): ClusterMemory =>
  memory.clusters[name] ?? freshCluster

export const look = ({ seen }: Round, name: string): SeenCluster | undefined => seen.clusters.get(name)

export function note(round: Round, text: string): void {
  const timeline = [...round.memory.timeline, { atMs: round.nowMs, text }].slice(-timelineMax)
  round.memory = { ...round.memory, timeline }
}

/** Of a cluster, unless it is what was said of it last. */
export function noteOnce(round: Round, name: string, what: string): void {
  const last = round.memory.timeline.findLast(({ text }) => text.startsWith(`${name}: `))
  if (last?.text !== `${name}: ${what}`) note(round, `${name}: ${what}`)
}

export function change(round: Round, name: string, to: Partial<ClusterMemory>): void {
  const before = stateOf(round, name)
  const weightMoves = to.weight !== undefined && to.weight !== before.weight
  const showsUp = to.phase !== undefined && isPictured(to.phase) !== isPictured(before.phase)
  const clusters = { ...round.memory.clusters, [name]: { ...before, ...to } }
  const revision = round.memory.revision + (weightMoves || showsUp ? 1 : 0)
  round.memory = { ...round.memory, clusters, revision }
}

export function enter(round: Round, name: string, phase: Phase, to: Partial<ClusterMemory> = {}): void {
  if (stateOf(round, name).phase !== phase) note(round, `${name}: ${phase}`)
  change(round, name, { ...to, phase, sinceMs: round.nowMs })
}

/** Whether edges know of it: they probe whom they know, and one that joins has to be probed before it gets anything. */
export const isPictured = (phase: Phase): boolean => ['joining', 'serving', 'draining'].includes(phase)

/** Clusters that readers can be sent to now. */
export function serving(round: Round, except?: string): string[] {
  return Object.entries(round.memory.clusters)
    .filter(
      ([name, { phase, weight }]) =>
        name !== except && phase === 'serving' && weight > 0 && look(round, name)?.edge?.isUp === true,
    )
    .map(([name]) => name)
}

/**
 * What edges are told that a cluster should get. Where its databases are of another history than the home's, as of a home that
 * was given up, it would show readers what is not so: it gets none while another cluster has any.
 */
export function shownWeight({ topology, clusters }: FleetMemory, name: string): number {
  const { weight } = clusters[name] ?? freshCluster
  const isOff = (each: string) => topology !== undefined && Object.hasOwn(topology.unsettled, each)
  if (!isOff(name)) return weight
  const others = Object.entries(clusters).some(
    ([other, state]) => !isOff(other) && state.phase === 'serving' && state.weight > 0,
  )
  return others ? 0 : weight
}

/** Whether every edge goes by the weights as they are now. */
export const isFollowed = ({ seen, memory }: Round, revision = memory.revision): boolean =>
  seen.followed !== undefined && seen.followed >= revision

/** The weight of a cluster whose new version is judged. */
export const canaryWeight = ({ rollout }: FleetSpec): number =>
  Math.max(1, Math.round((usualWeight * rollout.canaryPercent) / 100))

export const fullWeight = usualWeight

export const isoOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`
