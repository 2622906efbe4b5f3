import { faultPoint } from '#kernel/fault-point'
import type { Participant } from '#kernel/transaction'
import { Unavailable } from '#kernel/unavailable'
import type { Clock } from '#ports/clock'
import type { StockRequest, StockVote } from '#services/catalog'
import { customerKey, type GroupOutcome } from '#services/orders'
import { answerMembers, type Reply } from './answer-members.ts'
import { groupBegins, groupEnds, timed, traceGroup } from './group-metrics.ts'
import { type Bought, lookUp, lookUpRefused, nothingFound } from './look-up.ts'
import type { Member } from './member.ts'
import { oncePerOrder } from './once-per-order.ts'
import type { OrdersAgent } from './orders-agent.ts'
import { type Answered, type ReadVote, readVote } from './read-vote.ts'
import { commitAll, type Decided, decide, type Prepared, prepareAll, shown } from './two-phase.ts'

/** What a group is carried by. */
export type GroupParts = {
  stock: Participant<StockRequest, StockVote>
  orders: OrdersAgent
  clock: Clock
  /** How long copies are held for an order that is not paid. */
  holdMs: number
  /** Titles seen with a per-customer limit: a hint to look customers up before deciding. */
  limitedTitles: Set<string>
}

/**
 * One distributed transaction for a group, phase by phase: look up, prepare, commit, answer. Trying again is safe,
 * because a key that was committed after all is found when it is looked up.
 * @param looksFirst whether keys and customers are looked up before anything is prepared
 * @returns the members to try again; all others were answered
 * @throws Unavailable when nobody can say how it ended
 */
export async function runGroup(
  parts: GroupParts,
  members: readonly Member[],
  looksFirst: boolean,
): Promise<readonly Member[]> {
  const [first, repeats] = oncePerOrder(members, looksFirst)
  groupBegins(first.length)
  const { known, pending, bought } = looksFirst
    ? await timed('look-up', lookUp(parts.orders, first))
    : nothingFound(first)
  answerMembers(known)
  if (pending.length === 0) return repeats

  const expiresAt = parts.clock.now() + parts.holdMs
  const asked = { participant: parts.stock, requests: pending.map((member) => requestOf(member, bought)) }
  const transactionId = parts.clock.uuid()
  traceGroup(transactionId, pending)
  const prepared = await timed('prepare', prepareAll(transactionId, [asked]))
  const [vote] = prepared.votes as [StockVote]
  noteLimits(parts.limitedTitles, vote)
  const read = readVote(pending, vote, expiresAt)
  if (prepared.kind === 'nothing') {
    groupEnds('nothing')
    answerMembers(read.edits)
    await answerRefused(parts, read.refused)
    return repeats
  }

  const decided = await timed('decide', commit(parts, prepared, read, expiresAt))
  groupEnds(decided.kind)
  switch (decided.kind) {
    case 'committed':
      await answerCommitted(parts, prepared, read)
      return repeats
    case 'fenced':
      return [...pending, ...repeats]
    case 'refused': {
      const { refused, others } = withoutRefused(pending, decided.refusal)
      answerMembers(refused)
      return [...others, ...repeats]
    }
    case 'unknown':
      throw new Unavailable('orders did not say whether the group was committed')
  }
}

/** What a member asks of catalog. */
function requestOf({ wish }: Member, bought: Bought): StockRequest {
  switch (wish.kind) {
    case 'place': {
      const customer = customerKey(wish.draft.customer.email)
      const lines = wish.draft.lines.map(({ isbn, quantity }) => {
        return { isbn, quantity, alreadyBought: bought.get(`${isbn} ${customer}`) ?? 0 }
      })
      return { kind: 'reserve', customer, lines }
    }
    case 'settle':
      return { kind: wish.settlement.movement, lines: wish.settlement.lines }
    case 'set-copies':
      return wish
  }
}

type KeptGroup = Extract<Prepared<StockVote>, { kind: 'prepared' }>
type Refusal = Exclude<GroupOutcome, { kind: 'committed' | 'fenced' }>

/** Orders and decision become durable together. */
function commit(
  { orders }: GroupParts,
  prepared: KeptGroup,
  { placed, settled }: ReadVote,
  expiresAt: number,
): Promise<Decided<Refusal> | { kind: 'unknown' }> {
  return decide<Refusal>(prepared, orders, async (participants) => {
    const outcome = await orders.commitGroup(prepared.id, { participants, placed, settled, expiresAt })
    const isRefusal = outcome.kind === 'refused' || outcome.kind === 'conflict'
    return isRefusal ? { kind: 'refused', refusal: outcome } : outcome
  })
}

/** Everybody hears of a group that is durable; a refusal not before that, for an abort would have given copies back. */
async function answerCommitted(parts: GroupParts, prepared: KeptGroup, read: ReadVote): Promise<void> {
  const committing = timed('commit', commitAll(prepared))
  await shown(committing, parts.clock)
  answerMembers(read.accepted)
  const refusedAnswered = answerRefused(parts, read.refused)
  await faultPoint('coordinator:after-answer')
  await committing
  await faultPoint('coordinator:after-commit')
  await refusedAnswered
  // A bookseller reads the stock again at once; unlike a reader in a rush, they wait until it is there to be seen.
  answerMembers(read.edits)
}

async function answerRefused({ orders }: GroupParts, refused: readonly Answered[]): Promise<void> {
  answerMembers(await lookUpRefused(orders, refused))
}

/** Orders whose course has changed are told so, and the others go on without them. */
function withoutRefused(
  members: readonly Member[],
  refusal: Refusal,
): { refused: readonly Reply[]; others: readonly Member[] } {
  if (refusal.kind === 'conflict') return { refused: [], others: members }
  const reasons = new Map(refusal.orders.map((each) => [each.orderId, each.reason]))
  const [refused, others]: [Reply[], Member[]] = [[], []]
  for (const member of members) {
    const orderId = member.wish.kind === 'settle' ? member.wish.settlement.orderId : ''
    const reason = reasons.get(orderId)
    if (reason === undefined) others.push(member)
    else if (reason === 'already')
      refused.push({ member, outcome: { kind: 'settled', orderId, already: true } })
    else refused.push({ member, outcome: { kind: 'stale', orderId } })
  }
  return { refused, others }
}

const limitedTitlesMax = 10_000

function noteLimits(limitedTitles: Set<string>, { titles }: StockVote): void {
  for (const { isbn, perCustomer } of titles)
    if (perCustomer !== null && limitedTitles.size < limitedTitlesMax) limitedTitles.add(isbn)
}
