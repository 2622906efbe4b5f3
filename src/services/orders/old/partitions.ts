import { uuid7TimeMs } from '#ports/clock'
import type { Database } from '#ports/database'
import { oldTables } from './old-tables.ts'

/** Makes the partitions that these orders need, where they are missing. */
export async function preparePartitions(database: Database, ids: readonly string[]): Promise<void> {
  for (const quarter of new Map(ids.map(quarterOf).map((each) => [each.name, each])).values()) {
    const [made] = await database.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
      `orders.old_orders_${quarter.name}`,
    ])
    // The last one that is made is that of the orders themselves: where it is, the others are.
    if (made?.there !== true) await makePartitions(database, quarter)
  }
}

async function makePartitions(database: Database, quarter: Quarter): Promise<void> {
  await database.transaction(async (tx) => {
    // One at a time; whoever comes second finds them made.
    await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('partitions of old orders', 0))`, [])
    for (const table of [...oldTables, 'orders'] as const) {
      const name = `orders.old_${table}_${quarter.name}`
      const [row] = await tx.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [name])
      if (row?.there === true) continue
      // Attached, not created in its place: that would wait for every reader of the whole, and keep others waiting.
      await tx.execute(`CREATE TABLE ${name} (LIKE orders.old_${table})`, [])
      await tx.execute(
        `ALTER TABLE orders.old_${table} ATTACH PARTITION ${name} FOR VALUES FROM ('${idAt(quarter.startMs)}') TO ('${idAt(nextOf(quarter).startMs)}')`,
        [],
      )
    }
  })
}

/** `2026q4`, and when it begins. */
type Quarter = { name: string; startMs: number }

const quarterAt = (year: number, quarter: number): Quarter => {
  const startMs = Date.UTC(year, quarter * 3, 1)
  const at = new Date(startMs)
  return { name: `${at.getUTCFullYear()}q${Math.floor(at.getUTCMonth() / 3) + 1}`, startMs }
}

function quarterOf(id: string): Quarter {
  const at = new Date(uuid7TimeMs(id))
  return quarterAt(at.getUTCFullYear(), Math.floor(at.getUTCMonth() / 3))
}

function nextOf({ startMs }: Quarter): Quarter {
  const at = new Date(startMs)
  return quarterAt(at.getUTCFullYear(), Math.floor(at.getUTCMonth() / 3) + 1)
}

/** Below every id of this moment and after, above every one before. */
export function idAt(ms: number): string {
  const time = Math.max(0, ms).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`
}
