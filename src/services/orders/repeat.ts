import type { Pace } from '#kernel/pace'
import { logger } from '#ports/log'

const log = logger('orders')

/** Work that is done again and again: at once when woken or when there was some, otherwise every so often. */
export type Repeated = AsyncDisposable & { wake(): void }

/**
 * @param work returns how much it found to do; a failure is logged and tried again
 * @param pace how long it rests after that much, however often it is woken
 */
export function repeat(name: string, work: () => Promise<number>, everyMs: number, pace?: Pace): Repeated {
  let woken = true
  let stopped = false
  let rouse: () => void = () => undefined
  const wake = () => {
    woken = true
    rouse()
  }
  const rest = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, everyMs)
      rouse = () => {
        clearTimeout(timer)
        resolve()
      }
      if (woken || stopped) rouse()
    })
  const loop = async () => {
    let failures = 0
    while (!stopped) {
      woken = false
      try {
        const found = await work()
        if (found > 0) woken = true
        failures = 0
        const restMs = pace?.rest(found, performance.now()) ?? 0
        if (restMs > 0 && !stopped) await new Promise((resolve) => setTimeout(resolve, restMs))
      } catch (error) {
        // The first failure may be a server that is just restarting; only one that lasts is worth a line.
        if (++failures === 3) log.warn('what is done again and again keeps failing', { work: name, error })
        woken = false
      }
      await rest()
    }
  }
  const done = loop()
  return {
    wake,
    async [Symbol.asyncDispose]() {
      stopped = true
      rouse()
      await done
    },
  }
}
