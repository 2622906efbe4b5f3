import type { Database } from '#ports/database'
import { type Election, electing } from './leading.ts'
import type { LeaseOptions, Leases } from './lease.ts'
import { sqlOf, type TurnTables } from './sql.ts'

type Options = Required<LeaseOptions>

/** Leases in a table of a service's own database, where its processes have nothing else in common. */
export function openDatabaseLeases(database: Database, schema: string, options: Options): Leases {
  return electing((name) => stand({ database, schema, name, ...options }), options)
}

type Candidate = Options & { database: Database; schema: string; name: string }

function stand({ database, schema, name, holder, clock, durations: { leaseMs } }: Candidate): Election {
  const tables: TurnTables = { dialect: database.dialect.name, schema }
  const sql = sqlOf(tables)
  // In PostgreSQL a parameter that is used twice has one number.
  const whose = tables.dialect === 'postgres' ? [name] : [name, holder]
  return {
    async take() {
      const atMs = clock.monotonicMs()
      const [row] = await database.query<{ holder: string; isFree: boolean | number }>(sql.look, [name])
      if (row === undefined) await database.execute(sql.make, [name])
      else if (row.holder !== holder && !row.isFree) return { isHeld: false, atMs }
      return { isHeld: (await database.execute(sql.take, [holder, leaseMs, ...whose])) > 0, atMs }
    },
    giveBack: async () => void (await database.execute(sql.giveBack, [name, holder])),
  }
}
