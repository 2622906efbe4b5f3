import { tooMany } from '#kernel/problem'

/**
 * Does work for one key piece after piece: attempts at one account made all at once cannot slip past a limit that
 * counts those that have failed.
 * @param waitingMax how many pieces of work may wait for one key; more are refused with 429
 */
export function createTurns(waitingMax: number) {
  const turns = new Map<string, { last: Promise<unknown>; waiting: number }>()
  return async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const turn = turns.get(key) ?? { last: Promise.resolve(), waiting: 0 }
    if (turn.waiting >= waitingMax) throw tooMany('Too many log-ins for this account at once.')
    turns.set(key, turn)
    turn.waiting++
    const mine = turn.last.then(work)
    turn.last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      if (--turn.waiting === 0) turns.delete(key)
    }
  }
}
