import { type Decision, doubtAfterMs, type Participant } from '#kernel/transaction'
import { type Clock, every } from '#ports/clock'
import { logger } from '#ports/log'

const log = logger('recovery')

type Asked = Pick<Participant<never, never>, 'inDoubt' | 'commit' | 'abort'>
type Finished = { id: string; decision: Decision; ageMs: number }

export type RecoveryOptions = {
  participant: Asked
  /** Asks for the decision, which is made `aborted` for good where there is none. */
  resolve: (id: string) => Promise<Decision>
  clock: Pick<Clock, 'monotonicMs'>
  /** What is first seen prepared is left to its coordinator for so long. */
  doubtMs?: number
}

/**
 * Finishes what a coordinator left prepared, by what was decided. How long a transaction has been in doubt is measured
 * here, from when it was first seen: its id says when it began, but by the clock of another machine.
 * @returns one look at what is in doubt, which resolves with what it finished
 */
export function createRecovery({
  participant,
  resolve,
  clock,
  doubtMs = doubtAfterMs,
}: RecoveryOptions): () => Promise<Finished[]> {
  let seen = new Map<string, number>()
  return async () => {
    const inDoubt = await participant.inDoubt()
    const nowMs = clock.monotonicMs()
    seen = new Map(inDoubt.map(({ id }) => [id, seen.get(id) ?? nowMs]))
    const finished: Finished[] = []
    for (const { id, ageMs } of inDoubt) {
      if (nowMs - (seen.get(id) ?? nowMs) < doubtMs) continue
      try {
        const decision = await resolve(id)
        if (decision === 'committed') await participant.commit(id)
        else await participant.abort(id)
        finished.push({ id, decision, ageMs })
        seen.delete(id)
      } catch {
        // It stays in doubt and is asked about again next time; the ones behind it must not wait for it.
      }
    }
    return finished
  }
}

const everyMs = 500

/** Looks for transactions in doubt at once and then twice a second, for as long as it is not disposed. */
export function startRecovery(
  participant: Asked,
  resolve: (id: string) => Promise<Decision>,
  clock: Clock,
  onRecovered: () => void,
): AsyncDisposable {
  const recover = createRecovery({ participant, resolve, clock })
  const round = async () => {
    // When the database or orders is away, what is in doubt stays so, and the next round asks again.
    const finished = await recover()
    for (const { id, decision, ageMs } of finished)
      log.warn('recovered a transaction', { transactionId: id, decision, ageMs: Math.round(ageMs) })
    if (finished.length > 0) onRecovered()
  }
  return every(clock, everyMs, round, { atOnce: true })
}
