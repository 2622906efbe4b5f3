import { tooMany } from '#kernel/problem'

/**
 * Lets a few hashes run at once, beside the event loop; the rest wait, those of known places first. Each takes a tenth of
 * a second of a core, so a crowd of strangers must neither take all cores nor keep the staff waiting.
 */
export type HashingPool = { run<T>(isKnown: boolean, work: () => Promise<T>): Promise<T> }

export type HashingLimits = { atOnce: number; waitingMax: number }
export const hashingLimits: HashingLimits = { atOnce: 2, waitingMax: 32 }

export function createHashingPool({ atOnce, waitingMax } = hashingLimits): HashingPool {
  const known: (() => void)[] = []
  const strangers: (() => void)[] = []
  let running = 0
  const next = () => {
    const begin = running < atOnce ? (known.shift() ?? strangers.shift()) : undefined
    if (begin === undefined) return
    running++
    begin()
  }
  return {
    async run(isKnown, work) {
      const queue = isKnown ? known : strangers
      if (queue.length >= waitingMax) throw tooMany('Too many log-ins at once.')
      const turn = Promise.withResolvers<void>()
      queue.push(turn.resolve)
      next()
      await turn.promise
      try {
        return await work()
      } finally {
        running--
        next()
      }
    },
  }
}
