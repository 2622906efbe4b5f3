import { logger } from '#ports/log'
import type { Clock } from './clock.ts'

const log = logger('rounds')

export type EveryOptions = {
  /** Whether the first round comes at once instead of after a wait. */
  atOnce?: boolean
}

/**
 * Does `work` again and again, with `ms` between two rounds, until disposed; disposing waits for the round under way. A
 * round that fails is made up for by the next, because what fails here is another server being away.
 * @param work gets a signal that is aborted when the round should come to its end
 */
export function every(
  clock: Pick<Clock, 'sleep'>,
  ms: number,
  work: (stop: AbortSignal) => Promise<unknown>,
  { atOnce = false }: EveryOptions = {},
): AsyncDisposable {
  const stop = new AbortController()
  // Called off by the end.
  const rest = () => clock.sleep(ms, stop.signal).catch(() => undefined)
  const loop = async () => {
    if (!atOnce) await rest()
    while (!stop.signal.aborted) {
      await work(stop.signal).catch((error: unknown) => log.debug('a round failed', { error }))
      await rest()
    }
  }
  const done = loop()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await done
    },
  }
}
