/** A commit in a server's log; one without an order begins a turn. */
export type Entry = { epoch: number; id: number }

/** The last turn whose beginning is in its log. */
export const epochOf = ({ log }: { log: readonly Entry[] }): number =>
  Math.max(0, ...log.map(({ epoch }) => epoch))

/** Whether one log is the beginning of another. */
export function isPrefix(short: readonly Entry[], long: readonly Entry[]): boolean {
  return (
    short.length <= long.length &&
    short.every(({ id, epoch }, i) => long[i]?.id === id && long[i]?.epoch === epoch)
  )
}
