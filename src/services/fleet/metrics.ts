import { roleMeter } from '#ports/telemetry'
import type { FleetMemory } from './decisions/model.ts'
import { shownWeight } from './decisions/round.ts'

export type FleetMetrics = {
  /** How the fleet is remembered after a round. */
  round(memory: FleetMemory, nowMs: number): void
  did(kind: string): void
  failed(): void
}

export function fleetMetrics(): FleetMetrics {
  const meter = roleMeter('fleet')
  const actions = meter.counter('octavo_fleet_actions_total', 'What was done on the hub.', ['kind'])
  const failures = meter.counter(
    'octavo_fleet_failures_total',
    'Rounds and actions that failed and are done again.',
  )
  const phases = meter.gauge('octavo_fleet_clusters', 'Clusters by what they are doing.', ['phase'])
  const weights = meter.gauge('octavo_fleet_weight', 'What edges are told.', ['cluster'])
  const rollout = meter.gauge('octavo_fleet_rollout_seconds', 'Since the step that a rollout is at began.', [
    'step',
  ])
  const blocked = meter.gauge('octavo_fleet_blocked', '1 when the wanted version is not rolled out.')
  const trouble = meter.gauge(
    'octavo_fleet_databases_trouble',
    '1 when the databases’ primaries are lost or a move of them does not come, and somebody has to decide.',
  )
  return {
    round(memory, nowMs) {
      phases.clear()
      weights.clear()
      rollout.clear()
      const all = Object.entries(memory.clusters)
      for (const [phase, members] of Map.groupBy(all, ([, state]) => state.phase))
        phases.set(members.length, phase)
      for (const [name] of all) weights.set(shownWeight(memory, name), name)
      if (memory.rollout) rollout.set((nowMs - memory.rollout.sinceMs) / 1_000, memory.rollout.step)
      trouble.set(memory.topology?.trouble === undefined ? 0 : 1)
      blocked.set(memory.blocked === undefined ? 0 : 1)
    },
    did: (kind) => actions.add(1, kind),
    failed: () => failures.add(1),
  }
}
