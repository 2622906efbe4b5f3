import { tooMany } from '#kernel/problem'

/**
 * Does work for one key piece after piece: attempts at one account made all at once cannot slip past a limit that
 * counts those that have failed.
 * @param limits pieces of work under way or waiting, for one key and for all; more are refused with 429
 */
export function createTurns(limits: { forOne: number; forAll: number }) {
  const turns = new Map<string, { last: Promise<unknown>; waiting: number }>()
  let all = 0
  return async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const turn = turns.get(key) ?? { last: Promise.resolve(), waiting: 0 }
    if (turn.waiting >= limits.forOne) throw tooMany('Too many log-ins for this account at once.')
    if (all >= limits.forAll) throw tooMany('Too many log-ins at once.')
    turns.set(key, turn)
    turn.waiting++
    all++
    const mine = turn.last.then(work)
    // Whoever waits for this turn is told; the next one only waits for its end.
    turn.last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      all--
      if (--turn.waiting === 0) turns.delete(key)
    }
  }
}
