import { backoffMs } from '#kernel/backoff'
import type { Clock } from './clock.ts'

export type Loop = AsyncDisposable & {
  /** Runs the work soon; any number of calls before it starts are one. */
  wake(): void
}

export type LoopOptions = {
  clock: Clock
  /** Does what there is to do; `more` when it left something for at once, a number for work that is due in so many ms. */
  work: () => Promise<'more' | 'done' | number>
  /** Works at least this often; without it only when woken. */
  everyMs?: number
  /** Least time between two runs, unless the last one left more to do, so that a storm of wakes costs little. */
  spacingMs?: number | (() => number)
  /** Called on the first of a row of failures. */
  onError?: (error: unknown) => void
}

const backoffBaseMs = 100
const backoffMaxMs = 2_000

/**
 * Runs `work` when woken and every so often, never twice at once. A failure is retried with backoff for ever, because
 * what fails here is a server being away. Disposing waits for the run in progress.
 */
export function startLoop({ clock, work, everyMs, spacingMs = 0, onError }: LoopOptions): Loop {
  const spacing = () => (typeof spacingMs === 'number' ? spacingMs : spacingMs())
  const stop = new AbortController()
  let woken = everyMs !== undefined
  let dueInMs = Number.POSITIVE_INFINITY
  let interrupt: () => void = () => undefined
  let failures = 0

  const run = async () => {
    while (!stop.signal.aborted) {
      if (!woken) await pause()
      if (stop.signal.aborted) return
      woken = false
      dueInMs = Number.POSITIVE_INFINITY
      const startedMs = clock.monotonicMs()
      try {
        const outcome = await work()
        if (outcome === 'more') woken = true
        if (typeof outcome === 'number') dueInMs = outcome
        failures = 0
        if (outcome !== 'more') await rest(startedMs + spacing() - clock.monotonicMs())
      } catch (error) {
        if (failures === 0 && !stop.signal.aborted) onError?.(error)
        await rest(backoffMs(failures++, 0.5 + clock.random() / 2, backoffBaseMs, backoffMaxMs))
        woken = true
      }
    }
  }

  /** Until woken, or until the next regular run is due. */
  const pause = () =>
    new Promise<void>((resolve) => {
      const waitMs = Math.min(everyMs ?? Number.POSITIVE_INFINITY, dueInMs)
      const timer = Number.isFinite(waitMs) ? setTimeout(resolve, Math.max(0, waitMs)) : undefined
      interrupt = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  const rest = async (ms: number) => {
    // Called off by the end.
    if (ms > 0) await clock.sleep(ms, stop.signal).catch(() => undefined)
  }

  const running = run()
  return {
    wake() {
      woken = true
      interrupt()
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      interrupt()
      await running
    },
  }
}
