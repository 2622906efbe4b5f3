import { assert } from '#kernel/assert'
import type { StockVote } from '#services/catalog'
import type { GroupCommit, PlacedOrder, Settlement } from '#services/orders'
import type { Member, WishOutcome } from './member.ts'
import { createPriceList } from './price-list.ts'

const limitedTitlesMax = 10_000
/** Answers written in one turn of the event loop: what the group in flight waits for is read between them. */
const portion = 16

/** Turns of the event loop, and whether there is anybody to make way for. */
export type Turns = { next(): Promise<void>; othersWait(): boolean }

/** A member whose stock was taken or moved, with what it leaves in OrderDb. */
export type Accepted = { member: Member; outcome: WishOutcome; placed?: PlacedOrder; settled?: Settlement }

/**
 * The members that stock accepted.
 * @param expiresAt when their holds run out, in ms since 1970
 * @param limitedTitles learns which titles have a per-customer limit
 */
export function acceptedOf(
  members: readonly Member[],
  vote: StockVote,
  expiresAt: number,
  limitedTitles: Set<string>,
): Accepted[] {
  const prices = createPriceList(vote.titles)
  for (const { isbn, perCustomer } of vote.titles)
    if (perCustomer !== null && limitedTitles.size < limitedTitlesMax) limitedTitles.add(isbn)
  const accepted: Accepted[] = []
  for (const [i, member] of members.entries()) {
    const answer = vote.answers[i]
    assert(answer !== undefined, 'a vote answers every request')
    const { wish } = member
    if (wish.kind === 'place' && answer.kind === 'reserved') {
      const placed = prices.placed(wish.draft)
      accepted.push({ member, placed, outcome: { kind: 'placed', order: placed, expiresAt } })
    } else if (wish.kind === 'settle' && answer.kind === 'moved') {
      const { settlement } = wish
      const { orderId } = settlement
      accepted.push({ member, settled: settlement, outcome: { kind: 'settled', orderId, already: false } })
    }
  }
  return accepted
}

/** Answers all at once, so that whoever comes back comes back together; or in portions while others are on their way. */
export async function answerAccepted(accepted: readonly Accepted[], turns?: Turns): Promise<void> {
  if (!turns?.othersWait()) {
    for (const { member, outcome } of accepted) member.resolve(outcome)
    return
  }
  // The group of those who wait leaves in the next turn, before the first answer.
  await turns.next()
  for (const [i, { member, outcome }] of accepted.entries()) {
    if (i % portion === 0) await turns.next()
    member.resolve(outcome)
  }
}

/** What the accepted members leave in OrderDb. */
export function groupOf(accepted: readonly Accepted[]): Pick<GroupCommit, 'placed' | 'settled'> {
  return {
    placed: accepted.flatMap(({ placed }) => placed ?? []),
    settled: accepted.flatMap(({ settled }) => settled ?? []),
  }
}
