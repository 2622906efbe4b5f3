/**
 * How many requests may be sent a second time: a share of the traffic, so that retries never multiply the load on what is
 * already failing. Pure: time is passed in. Source: Google, "Site Reliability Engineering", chapter 21, "Retry budgets".
 */
export type RetryBudget = {
  startMs: number
  requests: number
  retries: number
  before: number
  beforeRetries: number
}

export type RetryBudgetLimits = {
  /** Retries for each request. */
  share: number
  /** So many are allowed within a window however few requests there are: a burst is in flight when an instance dies. */
  reserve: number
  windowMs: number
}

export const retryBudgetLimits: RetryBudgetLimits = { share: 0.2, reserve: 100, windowMs: 10_000 }

export const freshBudget: RetryBudget = { startMs: 0, requests: 0, retries: 0, before: 0, beforeRetries: 0 }

export function onRequest(budget: RetryBudget, nowMs: number, limits = retryBudgetLimits): RetryBudget {
  const now = turned(budget, nowMs, limits)
  return { ...now, requests: now.requests + 1 }
}

/** The budget after one more retry, or undefined where it allows none. */
export function spend(
  budget: RetryBudget,
  nowMs: number,
  limits = retryBudgetLimits,
): RetryBudget | undefined {
  const now = turned(budget, nowMs, limits)
  return leftOf(now, nowMs, limits) < 1 ? undefined : { ...now, retries: now.retries + 1 }
}

/** Retries that are still allowed. */
export function leftOf(budget: RetryBudget, nowMs: number, limits = retryBudgetLimits): number {
  const now = turned(budget, nowMs, limits)
  const fading = Math.max(0, 1 - (nowMs - now.startMs) / limits.windowMs)
  const requests = now.requests + now.before * fading
  return limits.reserve + limits.share * requests - now.retries - now.beforeRetries * fading
}

function turned(budget: RetryBudget, nowMs: number, { windowMs }: RetryBudgetLimits): RetryBudget {
  const age = nowMs - budget.startMs
  if (age < windowMs) return budget
  if (age >= 2 * windowMs) return { ...freshBudget, startMs: nowMs }
  const { startMs, requests, retries } = budget
  return { startMs: startMs + windowMs, requests: 0, retries: 0, before: requests, beforeRetries: retries }
}
