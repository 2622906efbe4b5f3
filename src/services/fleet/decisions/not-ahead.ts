import type { FleetMemory } from './model.ts'
import { restMs } from './placing.ts'

/**
 * What is remembered, with nothing that has begun later than now: the clock that it was remembered by was ahead of this one.
 * What waits begins to wait anew, and nothing waits until this clock has come so far.
 */
export function notAhead(memory: FleetMemory, nowMs: number): FleetMemory {
  const past = <T extends number | undefined>(ms: T) => (ms === undefined ? ms : Math.min(ms, nowMs)) as T
  const pastOf = <T extends { sinceMs: number }>(of: T): T => ({ ...of, sinceMs: past(of.sinceMs) })
  const { clusters, scores, dns, homes, topology, rollout, wanted } = memory
  const each = <T>(all: Readonly<Record<string, T>>, change: (one: T) => T) =>
    Object.fromEntries(Object.entries(all).map(([name, one]) => [name, change(one)]))
  return {
    ...memory,
    clusters: each(clusters, (state) => ({
      ...pastOf(state),
      downSinceMs: past(state.downSinceMs),
      ...(state.restsUntilMs !== undefined && { restsUntilMs: Math.min(state.restsUntilMs, nowMs + restMs) }),
    })),
    scores: each(scores, (score) => ({ ...score, atMs: past(score.atMs) })),
    dns: { ...dns, goneSinceMs: each(dns.goneSinceMs, past), writtenMs: past(dns.writtenMs) },
    homes: each(homes, (home) => ({ ...pastOf(home), troubleSinceMs: past(home.troubleSinceMs) })),
    ...(topology && { topology: { ...pastOf(topology), lostSinceMs: past(topology.lostSinceMs) } }),
    rollout: rollout && { ...pastOf(rollout), badSinceMs: past(rollout.badSinceMs) },
    wanted: { ...wanted, lessSinceMs: past(wanted.lessSinceMs) },
  }
}
