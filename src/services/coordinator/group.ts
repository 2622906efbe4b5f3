import { unavailable } from '#kernel/problem'
import type { DecisionLog, Participant } from '#kernel/transaction'
import { Unavailable } from '#kernel/unavailable'
import type { Clock } from '#ports/clock'
import type { StockAnswer, StockRequest, StockVote } from '#services/catalog'
import {
  customerKey,
  type GroupCommit,
  type GroupOutcome,
  type HashColumns,
  type LookedUp,
  type LookUp,
  packHashes,
} from '#services/orders'
import { type Accepted, acceptedOf, answerAccepted, groupOf, type Turns } from './accepted.ts'
import { away } from './away.ts'
import { answerRefused, draftsOf, lookUp } from './look-up.ts'
import type { Member } from './member.ts'
import { oncePerOrder } from './once-per-order.ts'
import { type Decided, runTransaction } from './two-phase.ts'

/** What a group needs of orders: the last agent and the log of decisions. */
export type OrdersAgent = Pick<DecisionLog, 'resolve'> & {
  /** @throws Unavailable when it cannot say whether the group was committed */
  commitGroup(id: string, group: GroupCommit): Promise<GroupOutcome>
  lookUp(request: LookUp): Promise<LookedUp>
}

export type Engine = {
  stock: Participant<StockRequest, StockVote>
  orders: OrdersAgent
  clock: Clock
  /** How long copies are held for an order that is not paid. */
  holdMs: number
  /** Lets the event loop turn between portions of answers; without it all go out at once. */
  turns?: Turns
  /** Titles seen with a per-customer limit: a hint to look customers up before deciding. */
  limitedTitles: Set<string>
}

/** Conflicts and parts that are away end after so many attempts that settled nobody, with a doubling wait in between. */
const fruitlessMax = 6
const retryBaseMs = 25

/**
 * Carries a group through one distributed transaction and gives every member its outcome. Members whose keys or
 * limits are known are settled first; a conflict aborts the group and tries again without the offender; a member
 * that makes the group fail is found by splitting it, and fails alone. Trying again is safe, because a key that was
 * committed after all is found when it is looked up.
 * @param isNew whether nothing was tried for these members before: only then is it certain that nothing was taken
 */
export async function runGroup(engine: Engine, members: readonly Member[], isNew = true): Promise<void> {
  let pending = members
  let lookFirst = members.some((member) => isLimited(engine, member))
  let fruitless = 0
  for (let isFirst = isNew; ; isFirst = false) {
    pending = stillWaiting(pending, engine.clock.monotonicMs(), isFirst)
    const before = pending.length
    if (before === 0) return
    try {
      pending = await tryGroup(engine, pending, lookFirst)
    } catch (error) {
      if (!(error instanceof Unavailable)) return await failAlone(engine, pending, error as Error)
      if (fruitless + 1 === fruitlessMax) return rejectAll(pending, away(error))
    }
    fruitless = pending.length < before ? 0 : fruitless + 1
    if (fruitless === fruitlessMax) return await failAlone(engine, pending, away())
    if (fruitless > 1) await engine.clock.sleep(retryBaseMs * 2 ** fruitless)
    lookFirst = true
  }
}

function rejectAll(members: readonly Member[], error: Error): void {
  for (const member of members) member.reject(error)
}

function stillWaiting(members: readonly Member[], now: number, isFirst: boolean): readonly Member[] {
  for (const member of members) if (member.giveUpAt <= now) member.reject(isFirst ? tooLate() : away())
  return members.filter((member) => member.giveUpAt > now)
}

async function failAlone(engine: Engine, members: readonly Member[], error: Error): Promise<void> {
  if (members.length === 1) return members[0]?.reject(error)
  const middle = members.length >> 1
  await runGroup(engine, members.slice(0, middle), false)
  await runGroup(engine, members.slice(middle), false)
}

type Refusal = Exclude<GroupOutcome, { kind: 'committed' | 'fenced' }>

/** @returns the members to try again */
async function tryGroup(
  engine: Engine,
  members: readonly Member[],
  lookFirst: boolean,
): Promise<readonly Member[]> {
  const [first, repeats] = oncePerOrder(members, lookFirst)
  const { pending, bought } = lookFirst
    ? await lookUp(engine.orders, first)
    : { pending: first, bought: new Map() }
  if (pending.length === 0) return repeats
  const id = engine.clock.uuid()
  const expiresAt = engine.clock.now() + engine.holdMs
  const drafts = draftsOf(pending)
  let hashes: readonly HashColumns[] = []
  let accepted: Accepted[] = []
  let refusedAnswered: Promise<void> | undefined
  let edits: Answered[] = []
  const outcome = await runTransaction<StockRequest, StockVote, Refusal>({
    id,
    parts: [{ participant: engine.stock, requests: pending.map((member) => requestOf(member, bought)) }],
    onAsked: () => {
      hashes = packHashes(drafts)
    },
    decide: async ([vote], participants) => {
      accepted = acceptedOf(pending, vote as StockVote, expiresAt, engine.limitedTitles)
      const { placed, settled } = groupOf(accepted)
      const areAll = placed.length === drafts.length
      const group = { participants: [...participants], expiresAt, placed, settled }
      return asDecided(await engine.orders.commitGroup(id, { ...group, hashes: areAll ? hashes : undefined }))
    },
    onCommitted: ([vote]) => {
      answerAccepted(accepted, engine.turns)
      const others = refusedOf(pending, accepted, vote as StockVote)
      edits = others.filter(isEdit)
      refusedAnswered = answerRefused(
        engine.orders,
        others.filter((each) => !isEdit(each)),
      )
    },
    log: engine.orders,
    clock: engine.clock,
  })
  switch (outcome.kind) {
    case 'committed':
      await refusedAnswered
      // A bookseller reads the stock again at once; unlike a reader in a rush, they wait until it is there to be seen.
      for (const { member, answer } of edits) member.resolve({ kind: 'stock', answer })
      return repeats
    case 'nothing':
      await answerRefused(engine.orders, refusedOf(pending, [], outcome.votes[0] as StockVote))
      return repeats
    case 'aborted':
      return [...pending, ...repeats]
    case 'refused':
      return [...withoutRefused(pending, outcome.refusal), ...repeats]
    case 'unknown':
      throw new Unavailable('orders did not say whether the group was committed')
  }
}

function requestOf({ wish }: Member, bought: ReadonlyMap<string, number>): StockRequest {
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

function asDecided(outcome: GroupOutcome): Decided<Refusal> {
  if (outcome.kind === 'committed' || outcome.kind === 'fenced') return outcome
  return { kind: 'refused', refusal: outcome }
}

type Answered = { member: Member; answer: StockAnswer }
const isEdit = ({ member }: Answered) => member.wish.kind === 'set-copies'

/** Who was refused, with why. They are told only now: had the group aborted, there might have been enough after all. */
function refusedOf(members: readonly Member[], accepted: readonly Accepted[], vote: StockVote): Answered[] {
  const taken = new Set(accepted.map(({ member }) => member))
  return members.flatMap((member, i) =>
    taken.has(member) ? [] : [{ member, answer: vote.answers[i] as StockAnswer }],
  )
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
