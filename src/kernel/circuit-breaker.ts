/**
 * A circuit breaker for one instance. Failures that make requests go elsewhere, many or for long, trip it; then it gets
 * nothing for a while, after that a few probes, and after good probes slowly more. Pure: time is passed in.
 * Source: M. Nygard, "Release It!", 2nd edition, chapter 5.
 */
export type BreakerState =
  | { kind: 'closed'; window: Window; failing: Failing | undefined }
  | { kind: 'open'; untilMs: number; opened: number; reason: TripReason }
  | {
      kind: 'probing'
      since: number
      out: number
      good: number
      slow: number
      opened: number
      reason: TripReason
    }
  | { kind: 'returning'; sinceMs: number; opened: number; reason: TripReason }

/** Why it tripped: failures by count or by time, an instance that hangs, or one far slower than its peers. */
export type TripReason = 'failures' | 'lasting' | 'stalled' | 'slow'

/** Attempts and failures in this window and the one before, whose share fades. */
type Window = { startMs: number; tried: number; failed: number; triedBefore: number; failedBefore: number }
/** Failures without a success between them. */
type Failing = { sinceMs: number; inRow: number }

export type BreakerLimits = {
  /** Failures in a row that trip it. */
  inRowMax: number
  /** Two failures so far apart, with no success between, trip it as well: a few callers fail seldom. */
  lastingMs: number
  /** Failures within a window that trip it, where they are this share of all attempts. */
  failedMin: number
  failedShare: number
  windowMs: number
  /** First cool-down; each further one is twice as long, up to a limit. */
  openMs: number
  openMaxMs: number
  /** The same of an instance that is only slow: nobody needs it, and each look at it costs somebody a slow answer. */
  openSlowMaxMs: number
  /** Probes at once, and how many good ones end the probing. */
  probesMax: number
  probesGood: number
  /** A probe that was not heard of for so long makes room for another. */
  probeLostMs: number
  /** Requests at once when traffic begins to return; twice as many after each of these steps. */
  returnMin: number
  returnStepMs: number
  returnSteps: number
}

export const breakerLimits: BreakerLimits = {
  ...{ inRowMax: 3, lastingMs: 1_500, failedMin: 5, failedShare: 0.25, windowMs: 10_000 },
  ...{ openMs: 500, openMaxMs: 2_000, openSlowMaxMs: 16_000 },
  ...{ probesMax: 3, probesGood: 2, probeLostMs: 3_000 },
  ...{ returnMin: 8, returnStepMs: 250, returnSteps: 8 },
}

const emptyWindow: Window = { startMs: 0, tried: 0, failed: 0, triedBefore: 0, failedBefore: 0 }
export const closedBreaker: BreakerState = { kind: 'closed', window: emptyWindow, failing: undefined }

/** Whether a request may be sent now to an instance that has `outstanding` requests unanswered. */
export function mayTry(
  state: BreakerState,
  nowMs: number,
  outstanding: number,
  limits = breakerLimits,
): boolean {
  switch (state.kind) {
    case 'closed':
      return true
    case 'open':
      return nowMs >= state.untilMs
    case 'probing':
      return state.out < limits.probesMax || nowMs >= state.since + limits.probeLostMs
    case 'returning':
      return outstanding < limits.returnMin * 2 ** Math.floor((nowMs - state.sinceMs) / limits.returnStepMs)
  }
}

/** The state once a request that `mayTry` allowed is on its way. */
export function onTry(state: BreakerState, nowMs: number, limits = breakerLimits): BreakerState {
  switch (state.kind) {
    case 'closed':
      return { ...state, window: counted(state.window, nowMs, 0, limits) }
    case 'open':
      return probing(state, nowMs, 1)
    case 'probing': {
      const isLost = state.out >= limits.probesMax
      return { ...state, out: isLost ? 1 : state.out + 1, since: isLost ? nowMs : state.since }
    }
    case 'returning':
      return state
  }
}

export function onSuccess(state: BreakerState, nowMs: number, limits = breakerLimits): BreakerState {
  switch (state.kind) {
    case 'closed':
      return state.failing === undefined ? state : { ...state, failing: undefined }
    case 'open':
      // The answer to a request from before; the cool-down stands.
      return state
    case 'probing': {
      const good = state.good + 1
      if (good >= limits.probesGood)
        return { kind: 'returning', sinceMs: nowMs, opened: state.opened, reason: state.reason }
      return { ...state, good, out: Math.max(0, state.out - 1) }
    }
    case 'returning':
      return nowMs < state.sinceMs + limits.returnStepMs * limits.returnSteps ? state : closedBreaker
  }
}

/**
 * An answer that came far later than those of its peers. It says nothing against an instance, for requests differ, but one
 * that was left out for being slow has to do better.
 */
export function onSlowAnswer(state: BreakerState, nowMs: number, limits = breakerLimits): BreakerState {
  if (state.kind !== 'probing' || state.reason !== 'slow') return onSuccess(state, nowMs, limits)
  const slow = state.slow + 1
  if (slow >= limits.probesGood) return trip(state, nowMs, 'slow', limits)
  return { ...state, slow, out: Math.max(0, state.out - 1) }
}

/**
 * A request ended and tells nothing, because its caller went away: its place among the probes is for another.
 * @param sentMs when it was sent; what is older than the probing has no place there
 */
export function onNeither(state: BreakerState, sentMs: number): BreakerState {
  if (state.kind !== 'probing' || sentMs < state.since) return state
  return { ...state, out: Math.max(0, state.out - 1) }
}

/** A request failed that its caller would have had answered elsewhere. */
export function onFailure(state: BreakerState, nowMs: number, limits = breakerLimits): BreakerState {
  if (state.kind === 'open') return state
  if (state.kind !== 'closed') return trip(state, nowMs, state.reason, limits)
  const window = counted(state.window, nowMs, 1, limits)
  const failing = {
    sinceMs: state.failing?.sinceMs ?? nowMs,
    inRow: (state.failing?.inRow ?? 0) + 1,
  }
  const next: BreakerState = { kind: 'closed', window, failing }
  if (failing.inRow >= limits.inRowMax) return trip(next, nowMs, 'failures', limits)
  if (nowMs - failing.sinceMs >= limits.lastingMs) return trip(next, nowMs, 'lasting', limits)
  const { tried, failed } = inWindow(window, nowMs, limits)
  if (failed >= limits.failedMin && failed >= tried * limits.failedShare)
    return trip(next, nowMs, 'failures', limits)
  return next
}

/** The cool-down is over and the instance has shown a sign of life: real requests are its probes from here on. */
export function onAlive(state: BreakerState, nowMs: number): BreakerState {
  if (state.kind !== 'open' || nowMs < state.untilMs) return state
  return probing(state, nowMs, 0)
}

/** The cool-down is over and the instance still gives no sign of life: it waits again, longer. */
export function onLifeless(state: BreakerState, nowMs: number, limits = breakerLimits): BreakerState {
  if (state.kind !== 'open' || nowMs < state.untilMs) return state
  return reopened(state.opened + 1, nowMs, state.reason, limits)
}

/** Opens it, whatever was counted; each time without a full return between waits longer. */
export function trip(
  state: BreakerState,
  nowMs: number,
  reason: TripReason,
  limits = breakerLimits,
): BreakerState {
  if (state.kind === 'open') return state
  return reopened(state.kind === 'closed' ? 1 : state.opened + 1, nowMs, reason, limits)
}

type Open = Extract<BreakerState, { kind: 'open' }>
const probing = ({ opened, reason }: Open, nowMs: number, out: number): BreakerState => {
  return { kind: 'probing', since: nowMs, out, good: 0, slow: 0, opened, reason }
}

function reopened(opened: number, nowMs: number, reason: TripReason, limits: BreakerLimits): BreakerState {
  const maxMs = reason === 'slow' ? limits.openSlowMaxMs : limits.openMaxMs
  const waitMs = Math.min(maxMs, limits.openMs * 2 ** Math.min(opened - 1, 20))
  return { kind: 'open', untilMs: nowMs + waitMs, opened, reason }
}

/** Attempts and failures of the last window's length, the older part by its share. */
function inWindow(window: Window, nowMs: number, { windowMs }: BreakerLimits) {
  const fading = Math.max(0, 1 - (nowMs - window.startMs) / windowMs)
  return {
    tried: window.tried + window.triedBefore * fading,
    failed: window.failed + window.failedBefore * fading,
  }
}

/** With one more attempt, or one more failure of an attempt that was counted. */
function counted(window: Window, nowMs: number, failures: 0 | 1, limits: BreakerLimits): Window {
  const age = nowMs - window.startMs
  const tried = 1 - failures
  if (age < limits.windowMs)
    return { ...window, tried: window.tried + tried, failed: window.failed + failures }
  const isNext = age < 2 * limits.windowMs
  return {
    startMs: isNext ? window.startMs + limits.windowMs : nowMs,
    tried,
    failed: failures,
    triedBefore: isNext ? window.tried : 0,
    failedBefore: isNext ? window.failed : 0,
  }
}
