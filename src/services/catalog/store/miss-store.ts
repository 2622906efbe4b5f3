/** Searches without a hit, counted by day. */
export type MissStore = {
  /** Adds to what is counted; a day takes no more than `wordsADayMax` different ones. @param day YYYY-MM-DD */
  add(day: string, times: ReadonlyMap<string, number>): Promise<void>
  /** Forgets the days before one. */
  forget(before: string): Promise<void>
  /** Forgets what holds one of these phrases, each some folded words in a row, whatever the day. */
  erase(phrases: readonly string[]): Promise<void>
  /** How many entries hold one of these phrases. */
  count(phrases: readonly string[]): Promise<number>
}

export const wordsADayMax = 1_000
