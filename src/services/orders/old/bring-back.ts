import type { Statements } from '#ports/database'
import { type OldTable, oldTables } from './old-tables.ts'

/**
 * Brings orders back that were put away, for whoever is going to change them, within a transaction. Those that are not
 * away stay as they are. Their keys stay noted as used, which they are.
 * @returns how many were brought back
 */
export async function bringBack(tx: Statements, ids: readonly string[]): Promise<number> {
  const count = await tx.execute(
    `WITH moved AS (DELETE FROM orders.old_orders WHERE id = ANY($1::uuid[]) RETURNING *)
     INSERT INTO orders.orders SELECT * FROM moved`,
    [ids],
  )
  if (count === 0) return 0
  for (const table of oldTables.toReversed()) await tx.execute(movedBack(table), [ids])
  return count
}

/** Locks an order, and brings it back first when it was put away. */
export async function lockOrder(tx: Statements, id: string): Promise<void> {
  const lock = () => tx.query('SELECT 1 FROM orders.orders WHERE id = $1 FOR UPDATE', [id])
  if ((await lock()).length > 0) return
  await bringBack(tx, [id])
  // Somebody else may have been quicker to bring it back.
  await lock()
}

function movedBack(table: OldTable): string {
  if (table === 'saga_journal')
    return `WITH moved AS (DELETE FROM orders.old_saga_journal WHERE order_id = ANY($1::uuid[]) RETURNING *)
      INSERT INTO orders.saga_journal (id, saga_id, step, event, detail, at) OVERRIDING SYSTEM VALUE
      SELECT id, saga_id, step, event, detail, at FROM moved`
  const twice = table === 'listed' ? ' ON CONFLICT DO NOTHING' : ''
  return `WITH moved AS (DELETE FROM orders.old_${table} WHERE order_id = ANY($1::uuid[]) RETURNING *)
    INSERT INTO orders.${table} SELECT * FROM moved${twice}`
}
