import { type Batcher, createBatcher } from '#kernel/batcher'
import { full, tooMany } from '#kernel/problem'
import { Unavailable } from '#kernel/unavailable'
import { answerMembers, away } from './answer-members.ts'
import { type GroupParts, runGroup } from './group.ts'
import type { Member, Wish, WishOutcome } from './member.ts'

export type GroupEngine = {
  /**
   * Joins the wish to the current group.
   * @throws Problem 429 when too many wait, 503 when a part is away or the wait was too long
   */
  submit(wish: Wish): Promise<WishOutcome>
  readonly waiting: number
  idle(): Promise<void>
}

export type EngineParts = Pick<GroupParts, 'stock' | 'orders' | 'clock' | 'holdMs'> & {
  /** Lets the event loop turn once: what arrives meanwhile rides along. */
  turn?: () => Promise<void>
}

const groupMax = 1_024
export const waitingMax = 8_192
/** Who has waited so long is in no further group: nobody takes them, and none that failed takes them again. */
export const waitMaxMs = 5_000

/** Group commit: one distributed transaction in flight, everything that arrives meanwhile rides in the next. */
export function createGroupEngine({ turn, ...own }: EngineParts): GroupEngine {
  const parts: GroupParts = { ...own, limitedTitles: new Set() }
  const batcher: Batcher<Member> = createBatcher({
    run: (members) => carry(parts, members, true),
    batchMax: groupMax,
    queueMax: waitingMax,
    turn,
  })
  return {
    submit: (wish) =>
      new Promise((resolve, reject) => {
        const giveUpAt = parts.clock.monotonicMs() + waitMaxMs
        if (!batcher.add({ wish, giveUpAt, resolve, reject }))
          reject(tooMany('Too many orders are waiting. Try again with the same Idempotency-Key.'))
      }),
    get waiting() {
      return batcher.waiting
    },
    idle: () => batcher.idle(),
  }
}

/** Conflicts and parts that are away end after so many attempts that answered nobody, with a doubling wait in between. */
const fruitlessMax = 6
const retryBaseMs = 25

/**
 * Runs groups of these members until each is answered. A conflict aborts a group; the next attempt looks keys and
 * limits up first, and goes on without the offender. A member that makes the group fail is found by splitting it, and
 * fails alone.
 * @param isNew whether nothing was tried for these members before: only then is it certain that nothing was taken
 */
async function carry(parts: GroupParts, members: readonly Member[], isNew: boolean): Promise<void> {
  let pending = members
  let looksFirst = members.some((member) => isLimited(parts, member))
  let fruitless = 0
  for (let isFirst = isNew; ; isFirst = false) {
    pending = stillWaiting(pending, parts.clock.monotonicMs(), isFirst)
    const before = pending.length
    if (before === 0) return
    try {
      pending = await runGroup(parts, pending, looksFirst)
    } catch (error) {
      if (!(error instanceof Unavailable)) return await failAlone(parts, pending, error as Error)
      if (fruitless + 1 === fruitlessMax) return answerAll(pending, away(error))
    }
    fruitless = pending.length < before ? 0 : fruitless + 1
    if (fruitless === fruitlessMax) return await failAlone(parts, pending, away())
    if (fruitless > 1) await parts.clock.sleep(retryBaseMs * 2 ** fruitless)
    looksFirst = true
  }
}

function isLimited({ limitedTitles }: GroupParts, { wish }: Member): boolean {
  return wish.kind === 'place' && wish.draft.lines.some((line) => limitedTitles.has(line.isbn))
}

function stillWaiting(members: readonly Member[], now: number, isFirst: boolean): readonly Member[] {
  const late = members.filter((member) => member.giveUpAt <= now)
  if (late.length === 0) return members
  answerAll(late, isFirst ? tooLate() : away())
  return members.filter((member) => member.giveUpAt > now)
}

async function failAlone(parts: GroupParts, members: readonly Member[], error: Error): Promise<void> {
  if (members.length === 1) return answerAll(members, error)
  const middle = members.length >> 1
  await carry(parts, members.slice(0, middle), false)
  await carry(parts, members.slice(middle), false)
}

function answerAll(members: readonly Member[], error: Error): void {
  answerMembers(members.map((member) => ({ member, outcome: error })))
}

const tooLate = () => full('Too many orders were waiting; nothing was taken. Try again with the same key.')
