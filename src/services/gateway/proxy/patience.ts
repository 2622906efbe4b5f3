/** When somebody else could answer instead, a silent instance gets this long: a reader less than a change. */
const firstReadMs = 3_000
const firstChangeMs = 4_000
/** An answer that nobody else could give may take this long to begin, and any to go on. */
export const answerIdleMs = 10_000

/**
 * How long an instance may take to begin its answer, in milliseconds.
 * @param deadlineMs the route's own
 * @param another whether another instance would be asked instead
 */
export function patienceMs(method: string | undefined, deadlineMs: number, another: boolean): number {
  if (!another) return Math.max(answerIdleMs, deadlineMs)
  return method === 'GET' || method === 'HEAD' ? firstReadMs : firstChangeMs
}
