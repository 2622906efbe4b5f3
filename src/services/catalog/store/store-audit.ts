/** What the store can say of its own state, for whoever checks it. */
export type StoreAudit = {
  /** Titles with more held and sold than there are copies, or with less than nothing of either. */
  oversold(): Promise<Audited<StockSums>>
  /** Titles whose ledger does not add up to their stock. */
  unbalanced(): Promise<Audited<StockSums & { ledger: Copies }>>
  /** News that waits for longer than this to be carried off: the oldest hundred. */
  newsWaiting(longerThanMs: number): Promise<{ id: string; ageMs: number }[]>
  /** What is held and sold of each title that anything is held or sold of. */
  takenByTitle(): Promise<Map<string, Taken>>
  /**
   * Runs `read` while no transaction can move this title's stock and none that did is unfinished.
   * @throws DatabaseBusy when one stays unfinished for longer than a lock is waited for
   */
  withTitleAtRest<T>(isbn: string, read: (taken: Taken) => Promise<T>): Promise<T>
}

export type Copies = { copies: number; held: number; sold: number }
export type Taken = { held: number; sold: number }
export type StockSums = Copies & { isbn: string }

/** How many titles were looked at, and those of which it is true. */
export type Audited<Found> = { titles: number; found: Found[] }
