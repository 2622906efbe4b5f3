/**
 * Exponential backoff with full jitter: a wait between 0 and `min(maxMs, baseMs · 2^attempt)`.
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 * @param attempt 0 for the first retry
 * @param random a number in [0, 1)
 */
export function backoffMs(attempt: number, random: number, baseMs = 100, maxMs = 30_000): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30))
  return Math.floor(ceiling * random)
}
