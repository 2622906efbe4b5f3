import { assert } from '#kernel/assert'
import { unavailable } from '#kernel/problem'
import { type DecisionLog, type Participant, Unavailable, type Vote } from '#kernel/transaction'
import type { Clock } from '#ports/clock'
import type { StockAnswer, StockRequest } from '#services/catalog'
import type { GroupCommit, GroupOutcome, LookedUp, LookUp, PlacedOrder, Settlement } from '#services/orders'
import type { Draft, Member, WishOutcome } from './member.ts'
import { type Decided, runTransaction } from './two-phase.ts'

/** What a group needs of orders: the last agent and the log of decisions. */
export type OrdersAgent = Pick<DecisionLog, 'resolve'> & {
  /** @throws Unavailable when it cannot say whether the group was committed */
  commitGroup(id: string, group: GroupCommit): Promise<GroupOutcome>
  lookUp(request: LookUp): Promise<LookedUp>
}

export type Engine = {
  stock: Participant<StockRequest, StockAnswer>
  orders: OrdersAgent
  clock: Clock
  /** Titles seen with a per-customer limit: a hint to look customers up before deciding. */
  limitedTitles: Set<string>
}

/** Conflicts and parts that are away are tried again so often, with a doubling wait in between. */
const attemptsMax = 6
const retryBaseMs = 25
const limitedTitlesMax = 10_000

/**
 * Carries a group through one distributed transaction and gives every member its outcome. Members whose keys or
 * limits are known are settled first; a conflict aborts the group and tries again without the offender; a member
 * that makes the group fail is found by splitting it, and fails alone. Trying again is safe, because a key that was
 * committed after all is found when it is looked up.
 */
export async function runGroup(engine: Engine, members: readonly Member[]): Promise<void> {
  let pending = members
  let lookFirst = members.some((member) => isLimited(engine, member))
  for (let attempt = 1; ; attempt++) {
    pending = stillWaiting(pending, engine.clock.now())
    if (pending.length === 0) return
    try {
      pending = await tryGroup(engine, pending, lookFirst)
    } catch (error) {
      if (!(error instanceof Unavailable)) return await failAlone(engine, pending, error as Error)
      if (attempt >= attemptsMax) return rejectAll(pending, away(error))
    }
    if (attempt > 1 && pending.length > 0) await engine.clock.sleep(retryBaseMs * 2 ** attempt)
    lookFirst = true
  }
}

function rejectAll(members: readonly Member[], error: Error): void {
  for (const member of members) member.reject(error)
}

function stillWaiting(members: readonly Member[], now: number): readonly Member[] {
  for (const member of members) if (member.giveUpAt <= now) member.reject(tooLate())
  return members.filter((member) => member.giveUpAt > now)
}

async function failAlone(engine: Engine, members: readonly Member[], error: Error): Promise<void> {
  if (members.length === 1) return members[0]?.reject(error)
  const middle = members.length >> 1
  await runGroup(engine, members.slice(0, middle))
  await runGroup(engine, members.slice(middle))
}

type Refusal = Exclude<GroupOutcome, { kind: 'committed' | 'fenced' }>

/** @returns the members to try again */
async function tryGroup(
  engine: Engine,
  members: readonly Member[],
  lookFirst: boolean,
): Promise<readonly Member[]> {
  const [first, repeats] = oncePerOrder(members)
  const { pending, bought } = lookFirst ? await lookUp(engine, first) : { pending: first, bought: new Map() }
  if (pending.length === 0) return repeats
  const id = engine.clock.uuid()
  let accepted: Accepted[] = []
  const outcome = await runTransaction<StockRequest, StockAnswer, Refusal>({
    id,
    parts: [{ participant: engine.stock, requests: pending.map((member) => requestOf(member, bought)) }],
    decide: async ([vote], participants) => {
      accepted = acceptedOf(engine, pending, vote as Vote<StockAnswer>)
      return asDecided(
        await engine.orders.commitGroup(id, { participants: [...participants], ...groupOf(accepted) }),
      )
    },
    onCommitted: ([vote]) => answerAll(pending, accepted, vote as Vote<StockAnswer>),
    log: engine.orders,
  })
  switch (outcome.kind) {
    case 'committed':
      return repeats
    case 'nothing':
      answerAll(pending, [], outcome.votes[0] as Vote<StockAnswer>)
      return repeats
    case 'aborted':
      return [...pending, ...repeats]
    case 'refused':
      return [...withoutRefused(pending, outcome.refusal), ...repeats]
    case 'unknown':
      throw new Unavailable('orders did not say whether the group was committed')
  }
}

/** An order's course is settled once in a group; who asks for it again is judged by what the first one left. */
function oncePerOrder(members: readonly Member[]): [first: Member[], repeats: Member[]] {
  const seen = new Set<string>()
  const [first, repeats]: [Member[], Member[]] = [[], []]
  for (const member of members) {
    const orderId = member.wish.kind === 'settle' ? member.wish.settlement.orderId : undefined
    if (orderId !== undefined && seen.has(orderId)) repeats.push(member)
    else first.push(member)
    if (orderId !== undefined) seen.add(orderId)
  }
  return [first, repeats]
}

/** Replays known keys, and reads what customers have of limited titles. */
async function lookUp(engine: Engine, members: readonly Member[]) {
  const places = members.flatMap(({ wish }) => (wish.kind === 'place' ? [wish.draft] : []))
  const { known, bought } = await engine.orders.lookUp({
    keys: places.map((draft) => draft.keyHash),
    limits: places.flatMap((draft) =>
      draft.lines.map(({ isbn }) => ({ isbn, customer: draft.customer.email.toLowerCase() })),
    ),
  })
  const byKey = new Map(known.map((each) => [each.keyHash, each]))
  const pending = members.filter((member) => {
    const found = member.wish.kind === 'place' ? byKey.get(member.wish.draft.keyHash) : undefined
    if (found === undefined || member.wish.kind !== 'place') return true
    const same = found.bodyHash === member.wish.draft.bodyHash
    member.resolve(same ? { kind: 'replayed', order: found.order } : { kind: 'key-reused' })
    return false
  })
  return { pending, bought: new Map(bought.map((each) => [`${each.isbn} ${each.customer}`, each.quantity])) }
}

function requestOf({ wish }: Member, bought: ReadonlyMap<string, number>): StockRequest {
  switch (wish.kind) {
    case 'place': {
      const customer = wish.draft.customer.email.toLowerCase()
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

/** A member whose stock was taken or moved, with what it leaves in OrderDb. */
type Accepted = { member: Member; outcome: WishOutcome; placed?: PlacedOrder; settled?: Settlement }

function acceptedOf(engine: Engine, members: readonly Member[], vote: Vote<StockAnswer>): Accepted[] {
  return members.flatMap((member, i): Accepted[] => {
    const answer = vote.answers[i]
    assert(answer !== undefined, 'a vote answers every request')
    const { wish } = member
    if (wish.kind === 'place' && answer.kind === 'reserved') {
      const placed = priced(engine, wish.draft, answer)
      return [{ member, placed, outcome: { kind: 'placed', order: placed } }]
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
  engine: Engine,
  draft: Draft,
  { lines }: Extract<StockAnswer, { kind: 'reserved' }>,
): PlacedOrder {
  let amount = 0
  const limits: PlacedOrder['limits'] = []
  for (const { isbn, quantity, unitPrice, perCustomer } of lines) {
    amount += quantity * unitPrice.amount
    if (perCustomer === null) continue
    limits.push({ isbn, quantity, perCustomer })
    if (engine.limitedTitles.size < limitedTitlesMax) engine.limitedTitles.add(isbn)
  }
  return {
    ...draft,
    lines: lines.map(({ isbn, title, quantity, unitPrice }) => ({ isbn, title, quantity, unitPrice })),
    total: { amount, currency: lines[0]?.unitPrice.currency ?? 'XXX' },
    limits,
  }
}

function groupOf(accepted: readonly Accepted[]): Pick<GroupCommit, 'placed' | 'settled'> {
  return {
    placed: accepted.flatMap(({ placed }) => (placed ? [placed] : [])),
    settled: accepted.flatMap(({ settled }) => (settled ? [settled] : [])),
  }
}

function asDecided(outcome: GroupOutcome): Decided<Refusal> {
  if (outcome.kind === 'committed' || outcome.kind === 'fenced') return outcome
  return { kind: 'refused', refusal: outcome }
}

/** Refusals are told only now: had the group aborted, what was refused might have been there after all. */
function answerAll(members: readonly Member[], accepted: readonly Accepted[], vote: Vote<StockAnswer>): void {
  const outcomes = new Map(accepted.map(({ member, outcome }) => [member, outcome]))
  members.forEach((member, i) => {
    const answer = vote.answers[i] as StockAnswer
    member.resolve(outcomes.get(member) ?? { kind: 'stock', answer })
  })
}

function withoutRefused(members: readonly Member[], refusal: Refusal): readonly Member[] {
  if (refusal.kind === 'conflict') return members
  const reasons = new Map(refusal.orders.map((each) => [each.orderId, each.reason]))
  return members.filter((member) => {
    const orderId = member.wish.kind === 'settle' ? member.wish.settlement.orderId : undefined
    const reason = orderId === undefined ? undefined : reasons.get(orderId)
    if (orderId === undefined || reason === undefined) return true
    member.resolve(
      reason === 'already' ? { kind: 'settled', orderId, already: true } : { kind: 'stale', orderId },
    )
    return false
  })
}

function isLimited(engine: Engine, { wish }: Member): boolean {
  return wish.kind === 'place' && wish.draft.lines.some((line) => engine.limitedTitles.has(line.isbn))
}

const tooLate = () =>
  unavailable('Too many orders were waiting; nothing was taken. Try again with the same key.')

function away(cause: Error) {
  const problem = unavailable(
    'A part of the shop did not answer in time. Try again with the same Idempotency-Key.',
  )
  problem.cause = cause
  return problem
}
