import { logger } from '#ports/log'

const log = logger('cache')

/** Tells in the log that a server of the cache is away, and why, and that it is back: once each time. */
export type Told = { away(error: unknown): void; back(): void }

/** @param server its name, or that of the part of it */
export function tellOf(server: string): Told {
  let isAway = false
  return {
    away(error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (!isAway) log.warn('a cache server is away, the catalogue is asked instead', { server, reason })
      isAway = true
    },
    back() {
      if (isAway) log.info('a cache server is back', { server })
      isAway = false
    },
  }
}
