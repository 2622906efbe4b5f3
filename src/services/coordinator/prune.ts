import type { Participant } from '#kernel/transaction'
import { type Clock, every } from '#ports/clock'
import type { ServiceClient } from '#ports/http'
import { pruneDecisions } from '#services/orders'

const everyMs = 60_000
const deadlineMs = 10_000
/** A decision is kept at least this long after every participant had finished everything older. */
const marginMs = 60_000

/**
 * Forgets decisions that everybody has followed: those older than the oldest transaction still in doubt anywhere. If
 * one participant cannot be asked, nothing is forgotten.
 */
export function startPruning(
  participants: readonly Pick<Participant<never, never>, 'inDoubt'>[],
  client: ServiceClient,
  clock: Clock,
): AsyncDisposable {
  return every(clock, everyMs, async (stop) => {
    const inDoubt = (await Promise.all(participants.map((participant) => participant.inDoubt()))).flat()
    const oldestMs = Math.max(0, ...inDoubt.map((each) => each.ageMs))
    const before = new Date(clock.now() - oldestMs - marginMs).toISOString()
    let pruned = 1
    while (pruned > 0 && !stop.aborted)
      pruned = (await client.call('orders', pruneDecisions, { body: { before }, deadlineMs })).pruned
  })
}
