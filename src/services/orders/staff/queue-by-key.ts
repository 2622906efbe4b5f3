import { tooMany } from '#kernel/problem'

/** Pieces of work under way or waiting, for one key and for all, and how long each may wait; what is more is refused. */
export type QueueLimits = { forOne: number; forAll: number; waitMs: number }

/**
 * Does work for one key piece after piece: attempts at one account made all at once cannot slip past a limit that
 * counts those that have failed. Nobody waits until whoever asked has given up: work whose turn does not come in time is
 * refused, with 429 as all that is too much, and not done later.
 */
export function queueByKey(limits: QueueLimits) {
  const queues = new Map<string, { last: Promise<unknown>; waiting: number }>()
  let all = 0
  return async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const queue = queues.get(key) ?? { last: Promise.resolve(), waiting: 0 }
    if (queue.waiting >= limits.forOne) throw tooManyForOne()
    if (all >= limits.forAll) throw tooMany('Too many log-ins at once.')
    queues.set(key, queue)
    queue.waiting++
    all++
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(tooManyForOne()), limits.waitMs)
    let isLate = false
    // It is told below, to whoever waits.
    late.promise.catch(() => {
      isLate = true
    })
    const mine = queue.last.then(() => {
      if (isLate) return late.promise
      clearTimeout(timer)
      return work()
    })
    // Whoever waits for this piece is told; the next one only waits for its end.
    queue.last = mine.catch(() => undefined)
    try {
      return await Promise.race([mine, late.promise])
    } finally {
      clearTimeout(timer)
      all--
      if (--queue.waiting === 0) queues.delete(key)
    }
  }
}

const tooManyForOne = () => tooMany('Too many log-ins for this account at once.')
