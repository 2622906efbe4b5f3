import {
  type BreakerState,
  breakerLimits,
  closedBreaker,
  mayTry,
  onFailure,
  onSuccess,
  onTry,
} from '#kernel/circuit-breaker'
import type { Told } from './told.ts'

/** Commands to one server, each with a deadline, and none while the server has failed too often. */
export type Guarded = {
  readonly isUp: boolean
  /** @returns the answer, or `undefined` when there is none in time; it is an answer when the command says so */
  run<T>(command: () => Promise<T>): Promise<{ kind: 'answer'; value: T } | undefined>
}

/** Commands are small and many: none of them waits for others to return. */
const limits = { ...breakerLimits, returnMin: 1_000 }

export function guard(deadlineMs: number, nowMs: () => number, told: Told): Guarded {
  let breaker: BreakerState = closedBreaker
  let outstanding = 0
  let hasTripped = false
  return {
    get isUp() {
      return mayTry(breaker, nowMs(), outstanding, limits)
    },
    async run(command) {
      if (!mayTry(breaker, nowMs(), outstanding, limits)) return undefined
      breaker = onTry(breaker, nowMs(), limits)
      outstanding++
      let timer: NodeJS.Timeout | undefined
      let failure: unknown
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), deadlineMs)
      })
      const answer = command().then(
        (value) => ({ kind: 'answer' as const, value }),
        (error) => {
          failure = error
          return undefined
        },
      )
      const outcome = await Promise.race([answer, late])
      clearTimeout(timer)
      outstanding--
      breaker =
        outcome === undefined ? onFailure(breaker, nowMs(), limits) : onSuccess(breaker, nowMs(), limits)
      if (breaker.kind === 'open') {
        hasTripped = true
        told.away(failure ?? new Error(`no answer within ${deadlineMs} ms`))
      } else if (breaker.kind === 'closed' && hasTripped) {
        hasTripped = false
        told.back()
      }
      return outcome
    },
  }
}
