/**
 * A limit on how often one client may ask: so many in a row, and then at an even pace. Pure: time is passed in. The state
 * is one number, the time by which everything that was let through would have come at that pace.
 * Source: generic cell rate algorithm, ITU-T I.371, annex A.
 */
export type RatePolicy = { perSecond: number; burst: number }

export type RateVerdict = {
  isAllowed: boolean
  /** The state from now on. */
  dueMs: number
  /** Requests that would be let through at this moment. */
  remaining: number
  /** Until the next one would be; 0 when one would be now. */
  waitMs: number
}

/** @param dueMs the state, undefined for who was never seen */
export function admit(
  dueMs: number | undefined,
  nowMs: number,
  { perSecond, burst }: RatePolicy,
): RateVerdict {
  const stepMs = 1_000 / perSecond
  const due = Math.max(dueMs ?? nowMs, nowMs)
  const used = (due - nowMs) / stepMs
  if (used + 1 > burst + 1e-9)
    return { isAllowed: false, dueMs: due, remaining: 0, waitMs: due + stepMs - burst * stepMs - nowMs }
  const remaining = Math.floor(burst - used - 1 + 1e-9)
  return { isAllowed: true, dueMs: due + stepMs, remaining, waitMs: remaining > 0 ? 0 : stepMs }
}
