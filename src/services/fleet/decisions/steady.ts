import type { Round } from './round.ts'

/** Who waited for databases that were away has his answer by then, or none: an edge waits no longer. */
const answeredAfterMs = 30_000

/**
 * Whether what becomes of orders says anything of a version: while the databases' primaries are lost or on their way orders
 * fail and are late everywhere.
 */
export function areDatabasesSteady({
  memory: { homes, topology },
  nowMs,
}: Pick<Round, 'memory' | 'nowMs'>): boolean {
  const troubles = [
    ...Object.values(homes).map((home) => ({ ...home, since: home.troubleSinceMs })),
    ...(topology === undefined ? [] : [{ ...topology, since: topology.lostSinceMs }]),
  ]
  return troubles.every(
    ({ step, since, sinceMs }) =>
      step === 'steady' && since === undefined && nowMs - sinceMs >= answeredAfterMs,
  )
}
