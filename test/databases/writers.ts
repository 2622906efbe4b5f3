import { setTimeout as sleep } from 'node:timers/promises'
import { type Database, DatabaseBusy, DatabaseUnavailable } from '#ports/database'

/** Writes one row after the other, each under a key of its own, and keeps what it was told. */
export type Writer = {
  /** Keys whose writing was acknowledged. */
  acknowledged: number[]
  /** The longest time between two acknowledgements since it was last asked, in milliseconds. */
  outageMs(): number
  /** Waits for so many acknowledgements more. */
  more(count: number): Promise<void>
  stop(): Promise<void>
}

/** A failed write is one whose outcome is unknown: it is looked up by its key, and written if it is not there. */
export function writeAll(database: Database, table: string, first: number): Writer {
  const acknowledged: number[] = []
  let [isOver, lastMs, longestMs] = [false, performance.now(), 0]
  const running = (async () => {
    for (let n = first; !isOver; n++) {
      while (!isOver && !(await written(database, table, n))) await sleep(20)
      if (isOver) return
      const nowMs = performance.now()
      longestMs = Math.max(longestMs, nowMs - lastMs)
      lastMs = nowMs
      acknowledged.push(n)
      await sleep(5)
    }
  })()
  return {
    acknowledged,
    outageMs() {
      const outage = Math.max(longestMs, performance.now() - lastMs)
      longestMs = 0
      return outage
    },
    async more(count) {
      const wanted = acknowledged.length + count
      while (acknowledged.length < wanted) await sleep(10)
    },
    async stop() {
      isOver = true
      await running
    },
  }
}

async function written(database: Database, table: string, n: number): Promise<boolean> {
  try {
    await database.execute(`INSERT INTO ${table} (n) VALUES (${n})`)
    return true
  } catch (error) {
    if (error instanceof DatabaseUnavailable || error instanceof DatabaseBusy) return false
    // It was written the last time, when nobody could say so.
    const isThere = await database.query(`SELECT n FROM ${table} WHERE n = ${n}`).catch(() => [])
    return isThere.length === 1
  }
}
