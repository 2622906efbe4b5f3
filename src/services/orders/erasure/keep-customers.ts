import { dayMs } from '#kernel/day'
import { type Clock, uuid7 } from '#ports/clock'
import { holdFence, inRounds, type Turns } from '#ports/lease'
import { logger } from '#ports/log'
import { type Erasing, eraseOrders, isAtRest, isErased } from './erase-orders.ts'

const log = logger('retention')

const everyMs = 10 * 60_000
const pageMax = 200
const lookedAtOnceMax = 5_000
/** Longer than what brings an order to rest can take: what is noted of it bears the time of its beginning. */
const overlapMs = 60 * 60_000
/** Who has not looked for longer than this looks at all old orders once, and not at all that was noted since. */
const changesBackMs = 30 * dayMs

type Keeping = Erasing & { clock: Clock }

/**
 * Erases customers from orders that are older than the shop keeps them, a few at a time, in one process at a time.
 * @param days 0 keeps them for ever
 */
export function keepCustomers(keeping: Keeping, turns: Turns, days: number): AsyncDisposable {
  if (days === 0) return { async [Symbol.asyncDispose]() {} }
  const { database, clock } = keeping
  return turns.take('retention', async (fence, lost) => {
    const goOn = async () => {
      await database.transaction((tx) => holdFence(tx, fence))
      return !lost.aborted
    }
    await inRounds(clock, everyMs, lost, async () => {
      const sum = await eraseOld(keeping, days, goOn)
      if (sum > 0) log.info('erased the customers of old orders', { orders: sum, olderThanDays: days })
    })
  })
}

const marks = { aged: 'customers kept from', rested: 'customers of orders at rest until' } as const

/**
 * Erases the customers of orders whose time is over: those that have become old enough since the last time, and older ones
 * that have come to rest since, however long ago they were placed.
 * @param goOn asked before each page
 * @returns of how many orders
 */
export async function eraseOld(
  keeping: Keeping,
  days: number,
  goOn: () => Promise<boolean> = async () => true,
): Promise<number> {
  const { database, clock } = keeping
  const [last] = await database.query<{ now: Date; aged: Date | null; rested: Date | null }>(
    `SELECT now() AS now, (SELECT at FROM orders.marks WHERE name = $1) AS aged,
            (SELECT at FROM orders.marks WHERE name = $2) AS rested`,
    [marks.aged, marks.rested],
  )
  if (last === undefined) throw new Error('OrderDb gave no time')
  const { now, aged, rested } = last
  const beforeMs = clock.now() - days * dayMs
  const knowsChanges = rested !== null && now.getTime() - rested.getTime() < changesBackMs
  const agedFrom = knowsChanges && aged !== null ? aged : new Date(0)
  const pages = [agedOrders(keeping, agedFrom, beforeMs)]
  if (knowsChanges) pages.push(restedOrders(keeping, new Date(rested.getTime() - overlapMs), beforeMs))
  let sum = 0
  for (const found of pages)
    for await (const ids of found) {
      if (!(await goOn())) return sum
      // One by one: orders erased together would be known to be of one customer.
      for (const id of ids) if ((await eraseOrders(keeping, [id], 'some')).kind === 'erased') sum++
    }
  await database.execute(
    `INSERT INTO orders.marks (name, at) VALUES ($1, $2), ($3, $4) ON CONFLICT (name) DO UPDATE SET at = excluded.at`,
    [marks.aged, new Date(beforeMs), marks.rested, now],
  )
  return sum
}

const mayLose = `NOT ${isErased} AND ${isAtRest}`
const idAt = (ms: number) => uuid7(Math.max(0, ms), new Uint8Array(10))

/**
 * Orders at rest that were placed between two moments, oldest first. No statement looks at more than so many, however many
 * have lost their customer already.
 */
async function* agedOrders({ database }: Keeping, from: Date, beforeMs: number): AsyncGenerator<string[]> {
  for (let after = idAt(from.getTime() - 1); ; ) {
    const rows = await database.query<{ id: string; mayLose: boolean }>(
      `SELECT id, ${mayLose} AS "mayLose"
         FROM (SELECT * FROM orders.all_orders WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3) o ORDER BY id`,
      [after, idAt(beforeMs), lookedAtOnceMax],
    )
    yield* pagesOf(rows.filter((row) => row.mayLose))
    if (rows.length < lookedAtOnceMax) return
    after = rows.at(-1)?.id ?? after
  }
}

/** At least one, so that whoever goes through them is asked whether to go on also where there is nothing to do. */
function* pagesOf(rows: readonly { id: string }[]): Generator<string[]> {
  for (let i = 0; i === 0 || i < rows.length; i += pageMax)
    yield rows.slice(i, i + pageMax).map(({ id }) => id)
}

/** Orders at rest that were placed before a moment and of which something was noted since another. */
async function* restedOrders({ database }: Keeping, since: Date, beforeMs: number): AsyncGenerator<string[]> {
  for (let after = idAt(0); ; ) {
    const changed = await database.query<{ id: string }>(
      `SELECT order_id AS id FROM orders.all_history WHERE at >= $1 AND order_id > $2 AND order_id < $3
       UNION
       SELECT order_id FROM orders.sagas WHERE updated_at >= $1 AND order_id > $2 AND order_id < $3
       ORDER BY id LIMIT $4`,
      [since, after, idAt(beforeMs), lookedAtOnceMax],
    )
    const rows = await database.query<{ id: string }>(
      `SELECT id FROM orders.all_orders o WHERE id = ANY($1::uuid[]) AND ${mayLose} ORDER BY id`,
      [changed.map(({ id }) => id)],
    )
    yield* pagesOf(rows)
    if (changed.length < lookedAtOnceMax) return
    after = changed.at(-1)?.id ?? after
  }
}
