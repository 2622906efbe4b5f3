import { tooMany } from '#kernel/problem'

/**
 * Lets a few hashes run at once, beside the event loop; the rest wait, those of known places first. Each takes a tenth of
 * a second of a core, so a crowd of strangers must neither take all cores nor keep the staff waiting.
 */
export type HashingPool = { run<T>(isKnown: boolean, work: () => Promise<T>): Promise<T> }

/** How many run at once, how many of those for strangers; how many wait on each side, and for how long. */
export type HashingLimits = { atOnce: number; strangersAtOnce: number; waitingMax: number; waitMs: number }
const hashingLimits: HashingLimits = { atOnce: 2, strangersAtOnce: 1, waitingMax: 32, waitMs: 2_500 }

type Waiting = { begin(): void }

export function createHashingPool(limits = hashingLimits): HashingPool {
  const known: Waiting[] = []
  const strangers: Waiting[] = []
  const running = { known: 0, strangers: 0 }
  const next = () => {
    if (running.known + running.strangers >= limits.atOnce) return
    const mayBeStranger = running.strangers < limits.strangersAtOnce
    const first = known.shift() ?? (mayBeStranger ? strangers.shift() : undefined)
    first?.begin()
  }
  return {
    async run(isKnown, work) {
      const queue = isKnown ? known : strangers
      if (queue.length >= limits.waitingMax) throw tooMany('Too many log-ins at once.')
      const side = isKnown ? 'known' : 'strangers'
      await new Promise<void>((resolve, reject) => {
        const each = {
          begin() {
            clearTimeout(timer)
            running[side]++
            resolve()
          },
        }
        // What waits longer would be done for somebody who has given up.
        const timer = setTimeout(() => {
          queue.splice(queue.indexOf(each), 1)
          reject(tooMany('Too many log-ins at once.'))
        }, limits.waitMs)
        queue.push(each)
        next()
      })
      try {
        return await work()
      } finally {
        running[side]--
        next()
      }
    },
  }
}
