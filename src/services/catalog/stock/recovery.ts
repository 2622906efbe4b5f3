import { type Decision, doubtAfterMs, type Participant } from '#kernel/transaction'
import { type Clock, every } from '#ports/clock'

/**
 * Finishes what a coordinator left prepared: asks for the decision, which is made `aborted` for good where there is
 * none, and follows it.
 * @returns the transactions it finished
 */
export async function recover(
  participant: Pick<Participant<never, never>, 'inDoubt' | 'commit' | 'abort'>,
  resolve: (id: string) => Promise<Decision>,
  olderThanMs = doubtAfterMs,
): Promise<{ id: string; decision: Decision; ageMs: number }[]> {
  const finished = []
  for (const { id, ageMs } of await participant.inDoubt()) {
    if (ageMs < olderThanMs) continue
    try {
      const decision = await resolve(id)
      if (decision === 'committed') await participant.commit(id)
      else await participant.abort(id)
      finished.push({ id, decision, ageMs })
    } catch {
      // It stays in doubt and is asked about again next time; the ones behind it must not wait for it.
    }
  }
  return finished
}

const everyMs = 500

/** Looks for transactions in doubt at once and then twice a second, for as long as it is not disposed. */
export function startRecovery(
  participant: Pick<Participant<never, never>, 'inDoubt' | 'commit' | 'abort'>,
  resolve: (id: string) => Promise<Decision>,
  clock: Clock,
  onRecovered: () => void,
): AsyncDisposable {
  const round = async () => {
    // When the database or orders is away, what is in doubt stays so, and the next round asks again.
    const finished = await recover(participant, resolve)
    for (const { id, decision, ageMs } of finished)
      console.warn(`catalog: recovered transaction ${id}: ${decision} after ${Math.round(ageMs)} ms in doubt`)
    if (finished.length > 0) onRecovered()
  }
  return every(clock, everyMs, round, { atOnce: true })
}
