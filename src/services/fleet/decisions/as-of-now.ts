import type { ClusterSpec, FleetMemory, FleetSpec } from './model.ts'
import { change, isPictured, note, type Round, stateOf } from './round.ts'

/** The fleet as it is meant at a moment: with those that are on their way out, and with maintenance as it is due. */
export function asOfNow(spec: FleetSpec, memory: FleetMemory, nowMs: number): FleetSpec {
  const { clusters, ...rest } = withLeavers(spec, memory)
  return {
    ...rest,
    clusters: clusters.map((each) =>
      each.intent === 'serve' && maintainedUntil(each, nowMs) !== undefined
        ? { ...each, intent: 'drain' }
        : each,
    ),
  }
}

/** When the maintenance that a cluster is in ends; where several overlap or follow at once, the last of them. */
export function maintainedUntil({ maintenance = [] }: ClusterSpec, nowMs: number): number | undefined {
  let untilMs = nowMs
  for (const each of maintenance.toSorted((a, b) => a.fromMs - b.fromMs))
    if (each.fromMs <= untilMs && each.untilMs > untilMs) untilMs = each.untilMs
  return untilMs > nowMs ? untilMs : undefined
}

/**
 * The fleet with those that it does not name any more and that readers are still sent to: they are drained like others, so
 * that a line which somebody has taken out takes nobody's order away.
 */
export function withLeavers(spec: FleetSpec, memory: FleetMemory): FleetSpec {
  const named = new Set(spec.clusters.map(({ name }) => name))
  const leavers = Object.entries(memory.clusters).flatMap(([name, { phase, url }]): ClusterSpec[] =>
    named.has(name) || url === undefined || !['serving', 'draining'].includes(phase)
      ? []
      : [{ ...nobody, name, url }],
  )
  return leavers.length === 0 ? spec : { ...spec, clusters: [...spec.clusters, ...leavers] }
}

const nobody: Omit<ClusterSpec, 'name' | 'url'> = {
  ...{ numbersUrl: '', ring: 0, capacity: 0, approvedBy: [], isProduction: true, key: '', intent: 'leave' },
  keeper: undefined,
}

/** For when it is not named any more. Another address is news to edges, as another weight is. */
export function rememberUrls(round: Round): void {
  for (const { name, url } of round.spec.clusters) {
    const { phase, url: before } = stateOf(round, name)
    if (!isPictured(phase) || before === url) continue
    change(round, name, { url })
    if (before === undefined) continue
    note(round, `${name}: is at ${url} now`)
    round.memory = { ...round.memory, revision: round.memory.revision + 1 }
  }
}
