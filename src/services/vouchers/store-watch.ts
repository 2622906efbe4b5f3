import { backoffMs } from '#kernel/backoff'
import type { Clock } from '#ports/clock'
import { logger } from '#ports/log'
import { InvalidKey, ObjectStoreFull, ObjectStoreRefused } from '#ports/object-store'

const log = logger('vouchers')

/** Soon, because whatever waits for the store goes on that much after it is back. */
const retryMaxMs = 1_000
/** After this long another process may be luckier. */
const storeAwayMaxMs = 5 * 60_000

/** Why the object store does not do its work: it is not reached, has no room, or does not take our credentials. */
export const storeFaults = ['away', 'full', 'refused'] as const
export type StoreFault = (typeof storeFaults)[number]

/** What this process knows of the object store, and its patience with it. */
export type StoreWatch = {
  /** Undefined while the store does what it is asked. */
  fault(): StoreFault | undefined
  /**
   * Does work at the store again until it is done, the process is to end, or the store was away for too long.
   * @throws what the last attempt threw; InvalidKey at once
   */
  patiently<T>(work: () => Promise<T>, stop: AbortSignal): Promise<T>
}

/** A store that goes away, and one that is back, is a line in the log; what happens in between is not. */
export function watchStore(clock: Clock): StoreWatch {
  let fault: StoreFault | undefined
  const noteFault = (error: unknown) => {
    const found = faultOf(error)
    if (fault === found) return
    fault = found
    log.warn('the object store fails, and vouchers wait for it', { fault, error })
  }
  const noteDone = () => {
    if (fault === undefined) return
    fault = undefined
    log.info('the object store works again')
  }
  return {
    fault: () => fault,
    async patiently(work, stop) {
      const giveUpMs = clock.monotonicMs() + storeAwayMaxMs
      for (let attempt = 0; ; attempt++) {
        try {
          const done = await work()
          noteDone()
          return done
        } catch (error) {
          if (error instanceof InvalidKey) throw error
          noteFault(error)
          if (stop.aborted || clock.monotonicMs() > giveUpMs) throw error
          const waitMs = backoffMs(attempt, 0.5 + clock.random() / 2, 100, retryMaxMs)
          // Called off by the end of the process, which the next round sees.
          await clock.sleep(waitMs, stop).catch(() => undefined)
        }
      }
    },
  }
}

function faultOf(error: unknown): StoreFault {
  if (error instanceof ObjectStoreFull) return 'full'
  return error instanceof ObjectStoreRefused ? 'refused' : 'away'
}
