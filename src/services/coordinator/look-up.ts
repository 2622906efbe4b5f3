import { Unavailable } from '#kernel/unavailable'
import { customerKey, type LookedUp } from '#services/orders'
import { away, type Reply } from './answer-members.ts'
import type { Draft, Member, WishOutcome } from './member.ts'
import type { OrdersAgent } from './orders-agent.ts'
import type { Answered } from './read-vote.ts'

/** Copies that customers have of titles with a limit, by `isbn customer`. */
export type Bought = ReadonlyMap<string, number>

/** Members whose orders exist, with their answers; the others; and what customers have of their titles. */
export type Found = { known: readonly Reply[]; pending: readonly Member[]; bought: Bought }

/** Looks members' keys up, and what their customers have of their titles. */
export async function lookUp(
  orders: Pick<OrdersAgent, 'lookUp'>,
  members: readonly Member[],
): Promise<Found> {
  const drafts = draftsOf(members)
  if (drafts.length === 0) return nothingFound(members)
  const found = await orders.lookUp({
    keys: drafts.map((draft) => draft.keyHash),
    limits: drafts.flatMap((draft) =>
      draft.lines.map(({ isbn }) => ({ isbn, customer: customerKey(draft.customer.email) })),
    ),
  })
  const outcomes = outcomesByKey(found)
  const [known, pending]: [Reply[], Member[]] = [[], []]
  for (const member of members) {
    const outcome = outcomes(member)
    if (outcome === undefined) pending.push(member)
    else known.push({ member, outcome })
  }
  const bought = new Map(found.bought.map((each) => [`${each.isbn} ${each.customer}`, each.quantity]))
  return { known, pending, bought }
}

/** What is known of members that were not looked up. */
export function nothingFound(members: readonly Member[]): Found {
  return { known: [], pending: members, bought: new Map() }
}

/**
 * What members are told that stock refused, unless it was their own order that took the copies: one that was placed
 * before, by a transaction whose answer got lost. Looking after the refusal finds every such order, because stock
 * shows a taken copy only once the order that took it is durable. Never rejects.
 */
export async function lookUpRefused(
  orders: Pick<OrdersAgent, 'lookUp'>,
  refused: readonly Answered[],
): Promise<Reply[]> {
  if (refused.length === 0) return []
  const members = refused.map(({ member }) => member)
  const keys = draftsOf(members).map((draft) => draft.keyHash)
  const settlements = members.flatMap(({ wish }) => (wish.kind === 'settle' ? [wish.settlement] : []))
  try {
    const found = await orders.lookUp({ keys, limits: [], settlements })
    const outcomes = outcomesByKey(found)
    const verdicts = new Map((found.verdicts ?? []).map((each) => [each.orderId, each.verdict]))
    return refused.map(({ member, answer }) => {
      const outcome = outcomes(member) ?? settledBefore(member, verdicts) ?? { kind: 'stock', answer }
      return { member, outcome }
    })
  } catch (error) {
    const outcome = error instanceof Unavailable ? away(error) : (error as Error)
    return members.map((member) => ({ member, outcome }))
  }
}

function draftsOf(members: readonly Member[]): Draft[] {
  return members.flatMap(({ wish }) => (wish.kind === 'place' ? [wish.draft] : []))
}

/** @returns what a member's key says, if it was used before */
function outcomesByKey({ known }: Pick<LookedUp, 'known'>): (member: Member) => WishOutcome | undefined {
  const byKey = new Map(known.map((each) => [each.keyHash, each]))
  return ({ wish }) => {
    const found = wish.kind === 'place' ? byKey.get(wish.draft.keyHash) : undefined
    if (found === undefined || wish.kind !== 'place') return undefined
    const isSame = found.bodyHash === wish.draft.bodyHash
    const { order, tokenHash } = found
    return isSame ? { kind: 'replayed', order, tokenHash } : { kind: 'key-reused' }
  }
}

type Verdict = NonNullable<LookedUp['verdicts']>[number]['verdict']

function settledBefore(
  { wish }: Member,
  verdicts: ReadonlyMap<string, Verdict>,
): WishOutcome | Error | undefined {
  if (wish.kind !== 'settle') return undefined
  const { orderId } = wish.settlement
  switch (verdicts.get(orderId)) {
    case 'already':
      return { kind: 'settled', orderId, already: true }
    case 'stale':
      return { kind: 'stale', orderId }
    default:
      return new Error(`stock does not have the copies that order ${orderId} holds`)
  }
}
