import { networkOf } from '#ports/http'
import { logger } from '#ports/log'

const log = logger('access')

/** How whoever tries what they may not, asks too much or sends what is no request is answered. */
const refusals: ReadonlySet<number> = new Set([400, 403, 413, 414, 415, 417, 421, 429, 431])
const everyMs = 60_000
const keptMax = 1_000

/** Notes how a request of a client was answered. */
export type RefusalLog = (client: string, status: number, requestId?: string) => void

/** Stands for all places beyond those that are kept. */
const others = 'others'

/**
 * Tells the log of refusals without letting strangers fill it: of each place and status the first at once, then one line a
 * minute that says how many more there were; of a crowd of places those beyond a thousand as one.
 */
export function createRefusalLog(nowMs: () => number): RefusalLog {
  /** Those told of longest ago come first. */
  const told = new Map<string, { atMs: number; more: number }>()
  const isDue = (atMs: number) => nowMs() - atMs >= everyMs
  const forgetOld = () => {
    for (const [key, { atMs }] of told) {
      if (!isDue(atMs)) break
      if (!key.startsWith(others)) told.delete(key)
    }
  }
  return (client, status, requestId) => {
    if (!refusals.has(status)) return
    let place = networkOf(client)
    if (told.size >= keptMax && !told.has(`${place} ${status}`)) forgetOld()
    if (told.size >= keptMax && !told.has(`${place} ${status}`)) place = others
    const key = `${place} ${status}`
    const last = told.get(key)
    if (last !== undefined && !isDue(last.atMs)) {
      last.more++
      return
    }
    told.delete(key)
    told.set(key, { atMs: nowMs(), more: 0 })
    log.info('requests are refused', {
      ...{ place, status, more: last?.more ?? 0 },
      ...(requestId !== undefined && { requestId }),
    })
  }
}
