import { dayMs } from '#kernel/day'
import { type Clock, uuid7 } from '#ports/clock'
import { holdFence, inRounds, type Turns } from '#ports/lease'
import { logger } from '#ports/log'
import { type Erasing, eraseOrders, isAtRest, isErased } from './erase-orders.ts'

const log = logger('retention')

const everyMs = 10 * 60_000
const atOnceMax = 200
/** An order may come to rest this long after its time was over. */
const overlapDays = 30

/**
 * Erases customers from orders that are older than the shop keeps them, a few at a time, in one process at a time.
 * @param days 0 keeps them for ever
 */
export function keepCustomers(
  erasing: Erasing & { clock: Clock },
  turns: Turns,
  days: number,
): AsyncDisposable {
  if (days === 0) return { async [Symbol.asyncDispose]() {} }
  const { database, clock } = erasing
  return turns.take('retention', async (fence, lost) => {
    await inRounds(clock, everyMs, lost, async () => {
      let erased = atOnceMax
      let sum = 0
      while (erased === atOnceMax && !lost.aborted) {
        await database.transaction((tx) => holdFence(tx, fence))
        sum += erased = await eraseOld(erasing, days)
      }
      if (sum > 0) log.info('erased the customers of old orders', { orders: sum, olderThanDays: days })
    })
  })
}

const mark = 'customers kept from'

/**
 * A few of the oldest orders whose time is over. Orders from long before the last time were looked at then.
 * @returns how many
 */
export async function eraseOld(erasing: Erasing & { clock: Clock }, days: number): Promise<number> {
  const { database, clock } = erasing
  const beforeMs = clock.now() - days * dayMs
  const [last] = await database.query<{ at: Date }>('SELECT at FROM orders.marks WHERE name = $1', [mark])
  const fromMs = Math.max(0, (last?.at.getTime() ?? 0) - overlapDays * dayMs)
  const rows = await database.query<{ id: string }>(
    `SELECT id FROM orders.all_orders o WHERE id >= $1 AND id < $2 AND NOT ${isErased} AND ${isAtRest} ORDER BY id LIMIT $3`,
    [uuid7(fromMs, new Uint8Array(10)), uuid7(beforeMs, new Uint8Array(10)), atOnceMax],
  )
  // One by one: orders erased together would be known to be of one customer.
  for (const { id } of rows) await eraseOrders(erasing, [id], 'some')
  if (rows.length < atOnceMax)
    await database.execute(
      `INSERT INTO orders.marks (name, at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at = excluded.at`,
      [mark, new Date(beforeMs)],
    )
  return rows.length
}
