import { type Problem, unavailable } from '#kernel/problem'
import { noteOutcome } from './group-metrics.ts'
import type { Member, WishOutcome } from './member.ts'

/** What a member is told, for good. */
export type Reply = { member: Member; outcome: WishOutcome | Error }

/** The one place where members hear what became of their wishes: all at once, so that who comes back comes back together. */
export function answerMembers(replies: readonly Reply[]): void {
  for (const reply of replies) answerMember(reply)
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
