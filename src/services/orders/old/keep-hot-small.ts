import { dayMs } from '#kernel/day'
import type { Clock } from '#ports/clock'
import type { Database } from '#ports/database'
import { inRounds, type Turns } from '#ports/lease'
import { logger } from '#ports/log'
import { roleMeter } from '#ports/telemetry'
import { oldRestDays } from '#services/orders'
import { idAt } from './partitions.ts'
import { noteOld, putAway } from './put-away.ts'

const log = logger('old orders')

const roundMs = 60_000
/** Longer than a statement can last: a sale that did not see the keys noted has ended by then, one way or the other. */
const settledMs = 60_000
const notedMax = 5_000
const atOnceMax = 500
const mark = 'old orders may be put away'
const beforeAll = idAt(0)

type Noted = { ids: string[]; atMs: number }

/**
 * Puts orders away that are older than the shop keeps them at hand, a few thousand a minute, oldest first. One process is
 * at it at a time, so that nothing is done twice; were there two, what one has locked the other would leave.
 * @param days 0 keeps them all at hand
 */
export function keepHotSmall(database: Database, clock: Clock, turns: Turns, days: number): AsyncDisposable {
  if (days === 0) return { async [Symbol.asyncDispose]() {} }
  const counter = roleMeter('orders').counter(
    'octavo_orders_put_away_total',
    'Old orders that were put away from the tables that sell.',
  )
  return turns.take('old-orders', async (_fence, lost) => {
    let noted: Noted | undefined
    let after = beforeAll
    await inRounds(clock, roundMs, lost, async () => {
      if (noted !== undefined && clock.monotonicMs() - noted.atMs < settledMs) return
      let sum = 0
      for (let i = 0; noted !== undefined && i < noted.ids.length && !lost.aborted; i += atOnceMax)
        sum += await putAway(database, noted.ids.slice(i, i + atOnceMax), oldRestDays)
      noted = undefined
      if (sum > 0) {
        counter.add(sum)
        log.info('put old orders away', { orders: sum, olderThanDays: days })
      }
      if (lost.aborted || !(await mayBegin(database))) return
      const old = { beforeId: idAt(clock.now() - days * dayMs), restDays: oldRestDays }
      const ids = await noteOld(database, old, after, notedMax)
      // Those that were not at rest are looked at again with the next walk.
      after = ids.length === notedMax ? (ids.at(-1) ?? beforeAll) : beforeAll
      if (ids.length > 0) noted = { ids, atMs: clock.monotonicMs() }
    })
  })
}

/** Not while programs may still be at work that would not find what was put away. */
async function mayBegin(database: Database): Promise<boolean> {
  const [row] = await database.query<{ may: boolean }>(
    'SELECT EXISTS (SELECT FROM orders.marks WHERE name = $1 AND at <= now()) AS may',
    [mark],
  )
  return row?.may ?? false
}
