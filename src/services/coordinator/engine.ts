import { type Batcher, createBatcher } from '#kernel/batcher'
import { tooMany } from '#kernel/problem'
import { type Engine, runGroup } from './group.ts'
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

export type EngineParts = Pick<Engine, 'stock' | 'orders' | 'clock' | 'holdMs'> & {
  /** Lets the event loop turn once: what arrives meanwhile rides along, and answers make way for what is on its way. */
  turn?: () => Promise<void>
}

const groupMax = 1_024
export const waitingMax = 8_192
/** Who has waited so long is in no further group: nobody takes them, and none that failed takes them again. */
export const waitMaxMs = 5_000

/** Group commit: one distributed transaction in flight, everything that arrives meanwhile rides in the next. */
export function createGroupEngine({ turn, ...parts }: EngineParts): GroupEngine {
  const turns = turn && { next: turn, othersWait: () => batcher.waiting > 0 }
  const engine: Engine = { ...parts, turns, limitedTitles: new Set() }
  const batcher: Batcher<Member> = createBatcher({
    run: (members) => runGroup(engine, members),
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
