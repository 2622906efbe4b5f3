/** Searches without a hit, counted by day. */
export type MissStore = {
  /** Adds to what is counted; a day takes no more than `wordsADayMax` different ones. @param day YYYY-MM-DD */
  add(day: string, times: ReadonlyMap<string, number>): Promise<void>
  /** Forgets the days before one. */
  forget(before: string): Promise<void>
}

export const wordsADayMax = 1_000
