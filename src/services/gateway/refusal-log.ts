import { networkOf } from '#ports/http'
import { logger } from '#ports/log'

const log = logger('access')

/** How whoever tries what they may not, asks too much or sends what is no request is answered. */
const refusals: ReadonlySet<number> = new Set([400, 403, 413, 414, 415, 417, 421, 429, 431])
const everyMs = 60_000
const keptMax = 1_000

/** Notes how a request of a client was answered. */
export type RefusalLog = (client: string, status: number, requestId?: string) => void

/**
 * Tells the log of refusals without letting a stranger fill it: of each place and status the first at once, then one line
 * a minute that says how many more there were.
 */
export function createRefusalLog(nowMs: () => number): RefusalLog {
  const told = new Map<string, { atMs: number; more: number }>()
  return (client, status, requestId) => {
    if (!refusals.has(status)) return
    const place = networkOf(client)
    const key = `${place} ${status}`
    const last = told.get(key)
    if (last !== undefined && nowMs() - last.atMs < everyMs) {
      last.more++
      return
    }
    if (told.size >= keptMax) told.clear()
    told.set(key, { atMs: nowMs(), more: 0 })
    log.info('requests are refused', {
      ...{ place, status, more: last?.more ?? 0 },
      ...(requestId !== undefined && { requestId }),
    })
  }
}
