import { faultPoint } from '#kernel/fault-point'
import type { DecisionLog, Participant, Vote } from '#kernel/transaction'
import { Unavailable } from '#kernel/unavailable'
import type { Clock } from '#ports/clock'

// Two-phase commit over any number of participants, one function for each step: prepare all, make the decision durable,
// commit all. Each returns what the next one needs.

/** One participant with what is asked of it in this transaction. */
export type Part<Request, OwnVote extends Vote<unknown>> = {
  participant: Participant<Request, OwnVote>
  requests: readonly Request[]
}

/** `participants` are those that keep something until they are told the decision; with `nothing` there are none. */
export type Prepared<OwnVote> =
  | { kind: 'prepared'; id: string; votes: readonly OwnVote[]; participants: readonly Follower[] }
  | { kind: 'nothing'; votes: readonly OwnVote[] }

type Follower = Pick<Participant<never, never>, 'name' | 'commit' | 'abort'>
type Kept = Pick<Extract<Prepared<unknown>, { kind: 'prepared' }>, 'id' | 'participants'>

/** `fenced`: recovery has aborted this transaction, because it came too late. */
export type Decided<Refusal> =
  | { kind: 'committed' }
  | { kind: 'fenced' }
  | { kind: 'refused'; refusal: Refusal }

/**
 * @param parts prepared in this order, which every transaction must share, so that two never wait for each other in a ring
 * @throws what a participant threw, after everything that may be prepared was told to abort
 */
export async function prepareAll<Request, OwnVote extends Vote<unknown>>(
  id: string,
  parts: readonly Part<Request, OwnVote>[],
): Promise<Prepared<OwnVote>> {
  const all = parts.map((part) => part.participant)
  const votes: OwnVote[] = []
  await faultPoint('coordinator:before-prepare')
  try {
    for (const { participant, requests } of parts) votes.push(await participant.prepare(id, requests))
  } catch (error) {
    await tell(all, 'abort', id)
    throw error
  }
  const participants = all.filter((_, i) => votes[i]?.kind === 'prepared')
  if (participants.length === 0) return { kind: 'nothing', votes }
  await faultPoint('coordinator:after-prepare')
  return { kind: 'prepared', id, votes, participants }
}

/**
 * Decides on what is prepared. Unless it is committed or nobody knows, its participants were told to abort. After
 * `unknown` recovery finishes it, and nobody may assume either end.
 * @param makeDurable writes the decision to commit, together with the last agent's own work where there is one; throws
 *   Unavailable when it cannot say whether it did
 * @throws what `makeDurable` threw, when that is no Unavailable and the transaction is not committed
 */
export async function decide<Refusal>(
  { id, participants }: Kept,
  log: Pick<DecisionLog, 'resolve'>,
  makeDurable: (participants: readonly string[]) => Promise<Decided<Refusal>>,
): Promise<Decided<Refusal> | { kind: 'unknown' }> {
  try {
    const decided = await makeDurable(participants.map(({ name }) => name))
    if (decided.kind !== 'committed') await tell(participants, 'abort', id)
    return decided
  } catch (error) {
    // Whatever went wrong, it may be durable all the same: ask, which makes it aborted for good if it is not.
    const decision = await log.resolve(id).catch(() => 'unknown' as const)
    if (decision === 'committed') return { kind: 'committed' }
    // With the decision unknown nobody may be told anything: recovery finishes what is prepared.
    if (decision === 'aborted') await tell(participants, 'abort', id)
    if (!(error instanceof Unavailable)) throw error
    return { kind: decision === 'aborted' ? 'fenced' : 'unknown' }
  }
}

/** Has everything committed that is prepared. The decision stands without the participants: it never rejects. */
export async function commitAll({ id, participants }: Kept): Promise<void> {
  await faultPoint('coordinator:after-decision')
  await tell(participants, 'commit', id)
}

/** Participants are given this long to follow a decision before callers hear of it. */
const answerWithinMs = 100

/**
 * Waits until callers may be answered: whoever is told of a commit should see it when they look, but a participant that
 * is slow or dead keeps nobody waiting for long.
 * @param committing what `commitAll` returned
 */
export async function shown(committing: Promise<void>, clock: Pick<Clock, 'sleep'>): Promise<void> {
  // The sleep that is not needed is left to end by itself: calling it off costs more than all else here.
  await Promise.race([committing, clock.sleep(answerWithinMs)])
}

/** Tells participants the end; one that cannot be told asks for itself when it recovers. */
async function tell(participants: readonly Follower[], verb: 'commit' | 'abort', id: string): Promise<void> {
  await Promise.allSettled(participants.map((participant) => participant[verb](id)))
}
