import { parseArgs } from 'node:util'
import { systemClock, uuid7TimeMs } from '#ports/clock'
import { openDatabase } from '#ports/database'
import { lostOrders } from '../services/orders/lost-orders.ts'

export const summary =
  'show what an OrderDb that was given up has and another has not: octavo lost-orders OLD NOW [--hours 24]'

const usage = `octavo lost-orders OLD NOW [--hours 24] compares two OrderDbs, both postgres://…, and only reads: OLD, of a home
that was given up, and NOW, which went on. It shows orders that OLD alone has,
those of which it has later news, and those that were paid for there alone.`
const hourMs = 3_600_000

/** @returns 0 when nothing is lost, 1 when something is, 2 for wrong arguments */
export async function run(args: string[]): Promise<number> {
  const options = { hours: { type: 'string', default: '24' } } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  const [from, to, ...others] = positionals
  const hours = Number(values.hours)
  if (from === undefined || to === undefined || others.length > 0 || !(hours > 0)) {
    console.error(usage)
    return 2
  }
  const how = { applicationName: 'lost-orders', connectionsMax: 1, statementTimeoutMs: 120_000 }
  await using old = await openDatabase(from, how)
  await using now = await openDatabase(to, how)
  const counts = { lost: 0, behind: 0, charged: 0 }
  for await (const { id, status, email, kind } of lostOrders(old, now, systemClock.now() - hours * hourMs)) {
    counts[kind]++
    const placed = new Date(uuid7TimeMs(id)).toISOString().slice(0, 19)
    console.log(`${kind.padEnd(7)}  ${id}  placed ${placed}Z  ${status}  ${email}`)
  }
  console.log(
    `${counts.lost} orders of the last ${hours} hours are lost; of ${counts.behind} what became of them is; ${counts.charged} were paid for there alone`,
  )
  return counts.lost + counts.behind + counts.charged === 0 ? 0 : 1
}
