import { faultPoint } from '#kernel/fault-point'
import type { DecisionLog, Participant, Vote } from '#kernel/transaction'
import { Unavailable } from '#kernel/unavailable'
import type { Clock } from '#ports/clock'

/** One participant with what is asked of it in this transaction. */
export type Part<Request, OwnVote extends Vote<unknown>> = {
  participant: Participant<Request, OwnVote>
  requests: readonly Request[]
}

/** How a transaction ended. After `unknown` recovery finishes it, and nobody may assume either end. */
export type Outcome<OwnVote extends Vote<unknown>, Refusal> =
  | { kind: 'committed'; votes: readonly OwnVote[] }
  | { kind: 'nothing'; votes: readonly OwnVote[] }
  | { kind: 'refused'; refusal: Refusal }
  | { kind: 'aborted' }
  | { kind: 'unknown' }

export type Transaction<Request, OwnVote extends Vote<unknown>, Refusal> = {
  id: string
  /** Prepared in this order, which every transaction must share, so that two never wait for each other in a ring. */
  parts: readonly Part<Request, OwnVote>[]
  /**
   * Makes the decision to commit durable, together with the last agent's own work where there is one.
   * @throws Unavailable when it cannot say whether it did
   */
  decide(votes: readonly OwnVote[], participants: readonly string[]): Promise<Decided<Refusal>>
  /** Called when the first participant has been asked, and nothing is to be done until it votes. */
  onAsked?(): void
  /** Callers may be answered now: the decision is durable and, unless that takes long, every participant shows it. */
  onCommitted?(votes: readonly OwnVote[]): void
  clock: Pick<Clock, 'sleep'>
  log: Pick<DecisionLog, 'resolve'>
}

/** `fenced`: recovery has aborted this transaction, because it came too late. */
export type Decided<Refusal> =
  | { kind: 'committed' }
  | { kind: 'fenced' }
  | { kind: 'refused'; refusal: Refusal }

/**
 * Two-phase commit over any number of participants: prepare all, make the decision durable, commit all.
 * @throws what `prepare` or `decide` threw, after everything that may be prepared was told to abort
 */
export async function runTransaction<Request, OwnVote extends Vote<unknown>, Refusal>(
  transaction: Transaction<Request, OwnVote, Refusal>,
): Promise<Outcome<OwnVote, Refusal>> {
  const { id, parts } = transaction
  const all = parts.map((part) => part.participant)
  const votes: OwnVote[] = []
  await faultPoint('coordinator:before-prepare')
  try {
    for (const { participant, requests } of parts) {
      const asked = participant.prepare(id, requests)
      // Whatever goes wrong here, nobody is told to abort what may not be prepared yet.
      const meanwhile = votes.length === 0 && deferred(() => transaction.onAsked?.())
      votes.push(await asked)
      await meanwhile
    }
  } catch (error) {
    await tell(all, 'abort', id)
    throw error
  }
  const prepared = all.filter((_, i) => votes[i]?.kind === 'prepared')
  if (prepared.length === 0) return { kind: 'nothing', votes }
  await faultPoint('coordinator:after-prepare')

  const decided = await decide(transaction, votes, prepared)
  switch (decided.kind) {
    case 'committed':
      await faultPoint('coordinator:after-decision')
      await announce(transaction, votes, tell(prepared, 'commit', id))
      await faultPoint('coordinator:after-commit')
      return { kind: 'committed', votes }
    case 'refused':
      await tell(prepared, 'abort', id)
      return decided
    case 'fenced':
      await tell(prepared, 'abort', id)
      return { kind: 'aborted' }
    case 'unknown':
      return decided
  }
}

/** Works now; what goes wrong is thrown where the result is waited for. */
function deferred(work: () => void): Promise<void> {
  const promise = (async () => work())()
  promise.catch(() => undefined)
  return promise
}

/** Participants are given this long to follow a decision before callers hear of it. */
const answerWithinMs = 100

/**
 * Whoever is told of a commit should see it when they look. But the decision stands without the participants, so one
 * that is slow or dead keeps nobody waiting for long.
 */
async function announce<Request, OwnVote extends Vote<unknown>, Refusal>(
  { clock, onCommitted }: Transaction<Request, OwnVote, Refusal>,
  votes: readonly OwnVote[],
  told: Promise<void>,
): Promise<void> {
  // The sleep that is not needed is left to end by itself: calling it off costs more than all else here.
  await Promise.race([told, clock.sleep(answerWithinMs)])
  onCommitted?.(votes)
  await faultPoint('coordinator:after-answer')
  await told
}

async function decide<Request, OwnVote extends Vote<unknown>, Refusal>(
  { id, decide: makeDurable, log }: Transaction<Request, OwnVote, Refusal>,
  votes: readonly OwnVote[],
  prepared: readonly Participant<Request, OwnVote>[],
): Promise<Decided<Refusal> | { kind: 'unknown' }> {
  try {
    return await makeDurable(
      votes,
      prepared.map((participant) => participant.name),
    )
  } catch (error) {
    // Whatever went wrong, it may be durable all the same: ask, which makes it aborted for good if it is not.
    const decision = await log.resolve(id).catch(() => 'unknown' as const)
    if (decision === 'committed') return { kind: 'committed' }
    if (decision === 'unknown' && error instanceof Unavailable) return { kind: 'unknown' }
    if (error instanceof Unavailable) return { kind: 'fenced' }
    // With the decision unknown nobody may be told anything: recovery finishes what is prepared.
    if (decision === 'aborted') await tell(prepared, 'abort', id)
    throw error
  }
}

/** Tells participants the end; one that cannot be told asks for itself when it recovers. */
async function tell(
  participants: readonly Pick<Participant<never, never>, 'commit' | 'abort'>[],
  verb: 'commit' | 'abort',
  id: string,
): Promise<void> {
  await Promise.allSettled(participants.map((participant) => participant[verb](id)))
}
