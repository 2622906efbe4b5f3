import type { Database, Transaction } from '#ports/database'
import { sqlOf, type TurnTables } from './sql.ts'

/**
 * A turn at something that one process does at a time, numbered by the database: later turns have higher numbers. It can
 * be handed to another process.
 */
export type Fence = TurnTables & {
  readonly name: string
  readonly number: number
  /** How far the turns before this one have come, as they noted it; empty when nobody did. */
  readonly place: string
}

/** Another process has had a later turn; nothing that this one still does may count. */
export class LostFence extends Error {
  override name = 'LostFence'
}

/**
 * Begins a turn. It waits for transactions that hold the turn before, so what those do is done before this one begins.
 * Source: M. Kleppmann, "How to do distributed locking", 2016; the database gives out the numbers, so a lease that was
 * deleted and made anew cannot make them run backwards.
 * @param schema of the tables that the service's migrations made
 */
export async function takeFence(
  database: Pick<Database, 'dialect' | 'transaction'>,
  schema: string,
  name: string,
  holder: string,
): Promise<Fence> {
  const tables: TurnTables = { dialect: database.dialect.name, schema }
  const { begin, begun } = sqlOf(tables)
  const [row] = await database.transaction(async (tx) => {
    await tx.execute(begin, [name, holder])
    return await tx.query<{ number: number; place: string }>(begun, [name])
  })
  return { ...tables, name, number: Number(row?.number), place: row?.place ?? '' }
}

/**
 * Makes the rest of a transaction count only if this turn is the last one, and keeps it so until the end of it.
 * @throws LostFence
 */
export async function holdFence(tx: Transaction, fence: Fence): Promise<void> {
  const rows = await tx.query(sqlOf(fence).hold, [fence.name, fence.number])
  if (rows.length === 0) throw over(fence)
}

/**
 * The same, and notes how far the work has come, for whoever has the next turn.
 * @throws LostFence
 */
export async function advanceFence(tx: Transaction, fence: Fence, place: string): Promise<void> {
  if ((await tx.execute(sqlOf(fence).advance, [place, fence.name, fence.number])) === 0) throw over(fence)
}

const over = ({ name, number }: Fence) => new LostFence(`turn ${number} at ${name} is over`)
