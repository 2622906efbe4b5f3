import type { Database, Transaction } from '#ports/database'

/** A turn at something that one process does at a time, numbered by the database: later turns have higher numbers. */
export type Fence = { readonly name: string; readonly number: number }

/** Another process has had a later turn; nothing that this one still does may count. */
export class LostFence extends Error {
  override name = 'LostFence'
}

/** Where turns are numbered, for a service's migrations. PostgreSQL. */
export const fenceTable = `CREATE TABLE IF NOT EXISTS fences (
  name text PRIMARY KEY, number bigint NOT NULL, holder text NOT NULL, taken_at timestamptz NOT NULL DEFAULT now())`

/**
 * Begins a turn. It waits for transactions that hold the turn before, so what those do is done before this one begins.
 * Source: M. Kleppmann, "How to do distributed locking", 2016; the database gives out the numbers, so a lease that was
 * deleted and made anew cannot make them run backwards.
 */
export async function takeFence(database: Database, name: string, holder: string): Promise<Fence> {
  const [row] = await database.query<{ number: number }>(
    `INSERT INTO fences (name, number, holder) VALUES ($1, 1, $2)
     ON CONFLICT (name) DO UPDATE SET number = fences.number + 1, holder = excluded.holder, taken_at = now()
     RETURNING number`,
    [name, holder],
  )
  return { name, number: Number(row?.number) }
}

/**
 * Makes the rest of a transaction count only if this turn is the last one, and keeps it so until the end of it.
 * @throws LostFence
 */
export async function holdFence(tx: Transaction, { name, number }: Fence): Promise<void> {
  const rows = await tx.query('SELECT 1 FROM fences WHERE name = $1 AND number = $2 FOR SHARE', [
    name,
    number,
  ])
  if (rows.length === 0) throw new LostFence(`turn ${number} at ${name} is over`)
}
