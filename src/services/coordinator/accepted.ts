import { assert } from '#kernel/assert'
import type { Vote } from '#kernel/transaction'
import type { StockAnswer } from '#services/catalog'
import type { GroupCommit, OrderDetails, PlacedOrder, Settlement } from '#services/orders'
import type { Draft, Member, WishOutcome } from './member.ts'

const limitedTitlesMax = 10_000
const portion = 256

/** A member whose stock was taken or moved, with what it leaves in OrderDb. */
export type Accepted = { member: Member; outcome: WishOutcome; placed?: PlacedOrder; settled?: Settlement }

/**
 * The members that stock accepted.
 * @param expiresAt when their holds run out, in ms since 1970
 * @param limitedTitles learns which titles have a per-customer limit
 */
export function acceptedOf(
  members: readonly Member[],
  vote: Vote<StockAnswer>,
  expiresAt: number,
  limitedTitles: Set<string>,
): Accepted[] {
  return members.flatMap((member, i): Accepted[] => {
    const answer = vote.answers[i]
    assert(answer !== undefined, 'a vote answers every request')
    const { wish } = member
    if (wish.kind === 'place' && answer.kind === 'reserved') {
      const placed = priced(wish.draft, answer, limitedTitles)
      return [{ member, placed, outcome: { kind: 'placed', order: placed, expiresAt } }]
    }
    if (wish.kind === 'settle' && answer.kind === 'moved') {
      const { settlement } = wish
      return [
        {
          member,
          settled: settlement,
          outcome: { kind: 'settled', orderId: settlement.orderId, already: false },
        },
      ]
    }
    return []
  })
}

function priced(
  draft: Draft,
  { lines }: Extract<StockAnswer, { kind: 'reserved' }>,
  limitedTitles: Set<string>,
): PlacedOrder {
  let amount = 0
  const limits: PlacedOrder['limits'] = []
  for (const { isbn, quantity, unitPrice, perCustomer } of lines) {
    amount += quantity * unitPrice.amount
    if (perCustomer === null) continue
    limits.push({ isbn, quantity, perCustomer })
    if (limitedTitles.size < limitedTitlesMax) limitedTitles.add(isbn)
  }
  const { id, keyHash, bodyHash, tokenHash, customer } = draft
  const details: OrderDetails = {
    customer,
    lines: lines.map(({ isbn, title, quantity, unitPrice }) => ({ isbn, title, quantity, unitPrice })),
    total: { amount, currency: lines[0]?.unitPrice.currency ?? 'XXX' },
  }
  const { email } = customer
  return {
    id,
    keyHash,
    bodyHash,
    tokenHash,
    email,
    free: amount === 0,
    limits,
    details: JSON.stringify(details),
  }
}

/** In portions: the next group's statements must not wait behind a thousand answers of this one. */
export async function answerAccepted(
  accepted: readonly Accepted[],
  turn?: () => Promise<void>,
): Promise<void> {
  for (const [i, { member, outcome }] of accepted.entries()) {
    if (i > 0 && i % portion === 0 && turn) await turn()
    member.resolve(outcome)
  }
}

/** What the accepted members leave in OrderDb. */
export function groupOf(accepted: readonly Accepted[]): Pick<GroupCommit, 'placed' | 'settled'> {
  return {
    placed: accepted.flatMap(({ placed }) => (placed ? [placed] : [])),
    settled: accepted.flatMap(({ settled }) => (settled ? [settled] : [])),
  }
}
