import { type Clock, every } from '#ports/clock'
import type { Database } from '#ports/database'
import type { OthersWrote } from '../catalog-store.ts'

const lookEveryMs = 1_000

/** Hears that others wrote, and not what: the count that their writes move is looked at every second. */
export function hearOfOthers(
  database: Database,
  clock: Clock,
  heard: (wrote: OthersWrote) => void,
): AsyncDisposable {
  let seen: number | undefined
  const look = async () => {
    const [row] = await database.query<{ times: number }>('SELECT times FROM others_wrote')
    if (row === undefined || row.times === seen) return
    seen = row.times
    heard({ kind: 'anything' })
  }
  return every(clock, lookEveryMs, look, { atOnce: true })
}
