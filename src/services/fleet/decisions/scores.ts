import type { ClusterSpec, SeenCluster } from './model.ts'
import { look, type Round } from './round.ts'

/** A score that has moved by less stays as it is, so that a wave of orders moves nobody. */
const steadyBy = 10
/** Renewed long before it ends: OCM does not look again when one has ended. */
const renewMs = 60_000
const validMs = 5 * 60_000
const worst = -100

/** Tells OCM's scheduler how much each cluster could still take, in the words of its AddOnPlacementScores: -100 to 100. */
export function keepScores(round: Round): void {
  const { spec, nowMs } = round
  if (spec.placement === '') return
  for (const each of spec.clusters) {
    const seen = look(round, each.name)
    if (seen?.registration !== 'accepted') continue
    const value = headroomOf(each, seen)
    const before = round.memory.scores[each.name]
    const isSteady = before !== undefined && Math.abs(before.value - value) < steadyBy
    if (isSteady && nowMs - before.atMs < renewMs) continue
    const scores = { ...round.memory.scores, [each.name]: { value, atMs: nowMs } }
    round.memory = { ...round.memory, scores }
    round.actions.push({ kind: 'score', cluster: each.name, value, validUntilMs: nowMs + validMs })
  }
}

/** What is free of what it can take; one that nobody has asked of anything is free, and one that is down is not. */
function headroomOf(
  { capacity }: Pick<ClusterSpec, 'capacity'>,
  { edge }: Pick<SeenCluster, 'edge'>,
): number {
  if (edge?.isUp === false) return worst
  const used = Math.min(1, (edge?.ordersPerSecond ?? 0) / Math.max(1, capacity))
  return Math.round(100 - 200 * used)
}
