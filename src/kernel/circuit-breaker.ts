/**
 * A circuit breaker for one instance: it stops sending after some failures in a row, waits, then lets one request try.
 * Pure: time is passed in. Source: M. Nygard, "Release It!", 2nd edition, chapter 5.
 */
export type BreakerState =
  | { kind: 'closed'; failures: number }
  | { kind: 'open'; untilMs: number; opened: number }
  | { kind: 'half-open'; triedMs: number; opened: number }

export type BreakerLimits = {
  /** Failures in a row that open it. */
  failuresMax: number
  /** First wait; each further one is twice as long. */
  openMs: number
  openMaxMs: number
}

export const breakerLimits: BreakerLimits = { failuresMax: 3, openMs: 500, openMaxMs: 10_000 }

export const closedBreaker: BreakerState = { kind: 'closed', failures: 0 }

/** Whether a request may be sent now. A probe that was never heard of again makes room for another. */
export function mayTry(state: BreakerState, nowMs: number, limits = breakerLimits): boolean {
  switch (state.kind) {
    case 'closed':
      return true
    case 'open':
      return nowMs >= state.untilMs
    case 'half-open':
      return nowMs >= state.triedMs + waitMs(state.opened, limits)
  }
}

/** The state once a request that `mayTry` allowed is on its way. */
export function onTry(state: BreakerState, nowMs: number): BreakerState {
  if (state.kind === 'closed') return state
  return { kind: 'half-open', triedMs: nowMs, opened: state.opened }
}

export function onSuccess(state: BreakerState): BreakerState {
  // An answer to a request sent before it opened proves as much as one to the probe.
  return state.kind === 'closed' && state.failures === 0 ? state : closedBreaker
}

export function onFailure(state: BreakerState, nowMs: number, limits = breakerLimits): BreakerState {
  if (state.kind === 'open') return state
  if (state.kind === 'closed' && state.failures + 1 < limits.failuresMax)
    return { kind: 'closed', failures: state.failures + 1 }
  const opened = state.kind === 'half-open' ? state.opened + 1 : 1
  return { kind: 'open', untilMs: nowMs + waitMs(opened, limits), opened }
}

function waitMs(opened: number, limits: BreakerLimits): number {
  return Math.min(limits.openMaxMs, limits.openMs * 2 ** Math.min(opened - 1, 20))
}
