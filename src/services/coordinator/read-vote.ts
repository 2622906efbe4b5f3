import { assert } from '#kernel/assert'
import type { StockAnswer, StockVote } from '#services/catalog'
import type { PlacedOrder, Settlement } from '#services/orders'
import type { Reply } from './answer-members.ts'
import type { Member } from './member.ts'
import { createPriceList } from './price-list.ts'

/** A member with what catalog answered it. */
export type Answered = { member: Member; answer: StockAnswer }

/** What a vote means to the members of its group. */
export type ReadVote = {
  /** What the accepted ones leave in OrderDb. */
  placed: PlacedOrder[]
  settled: Settlement[]
  /** What they are told once that is durable. */
  accepted: Reply[]
  /** Whose copies were neither taken nor moved. */
  refused: Answered[]
  /** Edits of the stock, done or not. */
  edits: Reply[]
}

/** @param expiresAt when the holds of the accepted orders run out, in ms since 1970 */
export function readVote(members: readonly Member[], vote: StockVote, expiresAt: number): ReadVote {
  const prices = createPriceList(vote.titles)
  const read: ReadVote = { placed: [], settled: [], accepted: [], refused: [], edits: [] }
  for (const [i, member] of members.entries()) {
    const answer = vote.answers[i]
    assert(answer !== undefined, 'a vote answers every request')
    const { wish } = member
    if (wish.kind === 'place' && answer.kind === 'reserved') {
      const priced = prices.priced(wish.draft)
      read.placed.push(priced.order)
      read.accepted.push({ member, outcome: { kind: 'placed', ...priced, expiresAt } })
    } else if (wish.kind === 'settle' && answer.kind === 'moved') {
      const { orderId } = wish.settlement
      read.settled.push(wish.settlement)
      read.accepted.push({ member, outcome: { kind: 'settled', orderId, already: false } })
    } else if (wish.kind === 'set-copies') read.edits.push({ member, outcome: { kind: 'stock', answer } })
    else read.refused.push({ member, answer })
  }
  return read
}
