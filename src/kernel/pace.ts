/** How often something runs: at once while little arrives, and more seldom in a rush, so that more goes together. */
export type Pace = {
  /**
   * Notes that so much was found to do.
   * @returns how long to rest before looking again, in ms
   */
  rest(found: number, nowMs: number): number
}

export type PaceLimits = {
  /** More than this in a second is a rush. */
  calmPerSecond: number
  calmMs: number
  rushMs: number
  /** So many at once are enough: it is looked again at once. */
  enough?: number
}

const windowMs = 1_000

export function createPace({
  calmPerSecond,
  calmMs,
  rushMs,
  enough = Number.POSITIVE_INFINITY,
}: PaceLimits): Pace {
  let beganMs = Number.NEGATIVE_INFINITY
  let [before, now] = [0, 0]
  return {
    rest(found, nowMs) {
      if (nowMs - beganMs >= 2 * windowMs) {
        beganMs = nowMs
        before = 0
        now = 0
      } else if (nowMs - beganMs >= windowMs) {
        beganMs += windowMs
        before = now
        now = 0
      }
      now += found
      if (found >= enough) return 0
      // What came in the last second, as if the second before had been even. Source: the sliding window counter.
      const share = 1 - (nowMs - beganMs) / windowMs
      return now + before * share > calmPerSecond ? rushMs : calmMs
    },
  }
}
