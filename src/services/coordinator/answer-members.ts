import { type Problem, unavailable } from '#kernel/problem'
import { noteOutcome } from './group-metrics.ts'
import type { Member, WishOutcome } from './member.ts'

/** What a member is told, for good. */
export type Reply = { member: Member; outcome: WishOutcome | Error }

/** Its next turn, and whether anybody waits for it whom answers should make way for. */
export type EventLoop = { nextTurn(): Promise<void>; othersWait(): boolean }

/** Answers written in one turn of the event loop: what the group in flight waits for is read between them. */
const portion = 16

/**
 * The one place where members hear what became of their wishes: all at once, so that whoever comes back comes back
 * together; or in portions while others are on their way.
 */
export async function answerMembers(replies: readonly Reply[], eventLoop?: EventLoop): Promise<void> {
  if (!eventLoop?.othersWait()) {
    for (const reply of replies) answerMember(reply)
    return
  }
  // The group of those who wait leaves in the next turn, before the first answer.
  await eventLoop.nextTurn()
  for (const [i, reply] of replies.entries()) {
    if (i % portion === 0) await eventLoop.nextTurn()
    answerMember(reply)
  }
}

function answerMember({ member, outcome }: Reply): void {
  if (member.wish.kind === 'place') noteOutcome(outcome)
  if (outcome instanceof Error) member.reject(outcome)
  else member.resolve(outcome)
}

/** Nobody can say what became of a request; its key finds out. */
export function away(cause?: Error): Problem {
  const problem = unavailable(
    'A part of the shop did not answer in time. Try again with the same Idempotency-Key.',
  )
  if (cause !== undefined) problem.cause = cause
  return problem
}
