import { Unavailable } from '#kernel/unavailable'
import type { StockAnswer } from '#services/catalog'
import { customerKey, type LookedUp } from '#services/orders'
import { away } from './away.ts'
import type { OrdersAgent } from './group.ts'
import type { Draft, Member } from './member.ts'

type Known = LookedUp['known'][number]

/**
 * Answers members whose keys are known, and reads what customers have of their titles.
 * @returns the others, and copies by `isbn customer`
 */
export async function lookUp(orders: Pick<OrdersAgent, 'lookUp'>, members: readonly Member[]) {
  const drafts = draftsOf(members)
  if (drafts.length === 0) return { pending: members, bought: new Map<string, number>() }
  const { known, bought } = await orders.lookUp({
    keys: drafts.map((draft) => draft.keyHash),
    limits: drafts.flatMap((draft) =>
      draft.lines.map(({ isbn }) => ({ isbn, customer: customerKey(draft.customer.email) })),
    ),
  })
  const byKey = new Map(known.map((each) => [each.keyHash, each]))
  const pending = members.filter((member) => !answerKnown(member, byKey))
  return { pending, bought: new Map(bought.map((each) => [`${each.isbn} ${each.customer}`, each.quantity])) }
}

/**
 * Tells members that stock refused them, unless it was their own order that took the copies: one that was placed
 * before, by a transaction whose answer got lost. Looking after the refusal finds every such order, because stock
 * shows a taken copy only once the order that took it is durable. Never rejects.
 */
export async function answerRefused(
  orders: Pick<OrdersAgent, 'lookUp'>,
  refused: readonly { member: Member; answer: StockAnswer }[],
): Promise<void> {
  const members = refused.map(({ member }) => member)
  const drafts = draftsOf(members)
  const settlements = members.flatMap(({ wish }) => (wish.kind === 'settle' ? [wish.settlement] : []))
  try {
    const { known, verdicts = [] } =
      drafts.length + settlements.length === 0
        ? { known: [] }
        : await orders.lookUp({ keys: drafts.map((draft) => draft.keyHash), limits: [], settlements })
    const byKey = new Map(known.map((each) => [each.keyHash, each]))
    const byOrder = new Map(verdicts.map((each) => [each.orderId, each.verdict]))
    for (const { member, answer } of refused)
      if (!answerKnown(member, byKey) && !answerSettled(member, byOrder))
        member.resolve({ kind: 'stock', answer })
  } catch (error) {
    const reason = error instanceof Unavailable ? away(error) : (error as Error)
    for (const member of members) member.reject(reason)
  }
}

/** The orders among what members want. */
export const draftsOf = (members: readonly Member[]): Draft[] =>
  members.flatMap(({ wish }) => (wish.kind === 'place' ? [wish.draft] : []))

function answerKnown(member: Member, known: ReadonlyMap<string, Known>): boolean {
  if (member.wish.kind !== 'place') return false
  const { draft } = member.wish
  const found = known.get(draft.keyHash)
  if (found === undefined) return false
  const same = found.bodyHash === draft.bodyHash
  member.resolve(same ? { kind: 'replayed', order: found.order } : { kind: 'key-reused' })
  return true
}

type Verdict = NonNullable<LookedUp['verdicts']>[number]['verdict']

function answerSettled(member: Member, verdicts: ReadonlyMap<string, Verdict>): boolean {
  if (member.wish.kind !== 'settle') return false
  const { orderId } = member.wish.settlement
  const verdict = verdicts.get(orderId)
  if (verdict === 'already') member.resolve({ kind: 'settled', orderId, already: true })
  else if (verdict === 'stale') member.resolve({ kind: 'stale', orderId })
  else member.reject(new Error(`stock does not have the copies that order ${orderId} holds`))
  return true
}
