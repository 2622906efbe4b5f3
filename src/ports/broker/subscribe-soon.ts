import { backoffMs } from '#kernel/backoff'
import type { Clock } from '#ports/clock'
import { logger } from '#ports/log'
import type { Broker, Handler } from './broker.ts'
import { BrokerUnavailable } from './broker.ts'

const log = logger('broker')
const retryMinMs = 200
const retryMaxMs = 2_000

/**
 * Subscribes as the broker does; where that is away, or can only be read just now, as soon as it can. So a role beside a
 * copy of its database begins, and takes messages from the moment on that the copy becomes the primary.
 */
export async function subscribeSoon(
  broker: Broker,
  queue: string,
  topics: readonly string[],
  handler: Handler,
  clock: Clock,
): Promise<AsyncDisposable> {
  const stop = new AbortController()
  let subscription: AsyncDisposable | undefined
  const attempt = async () => {
    try {
      subscription = await broker.subscribe(queue, topics, handler)
    } catch (error) {
      if (!(error instanceof BrokerUnavailable)) throw error
      return error
    }
    return undefined
  }
  const away = await attempt()
  if (away !== undefined)
    log.warn('a queue is subscribed to when the broker is there', { queue, error: away })
  const trying = (async () => {
    for (let failures = 0; subscription === undefined && !stop.signal.aborted; failures++) {
      // Called off by the end.
      await clock
        .sleep(retryMinMs + backoffMs(failures, clock.random(), retryMinMs, retryMaxMs), stop.signal)
        .catch(() => {})
      if (stop.signal.aborted) return
      // Whatever it is: without it nobody would take these messages until the role starts again.
      await attempt().catch((error: unknown) => log.warn('a queue cannot be subscribed to', { queue, error }))
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await trying
      await subscription?.[Symbol.asyncDispose]()
    },
  }
}
