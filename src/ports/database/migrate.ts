import { readdir, readFile } from 'node:fs/promises'
import type { Database } from './port.ts'

/** Serialises migrations of all services and replicas on one server; any constant that nobody else uses. */
const advisoryLock = 761_230_871

/**
 * Brings a service's schema up to date: runs the folder's `NNN-name.sql` files in order, each once, all in one
 * transaction under an advisory lock, so that replicas starting together do not collide.
 * @param schema where the tables live; created when missing
 */
export async function migrate(database: Database, folder: URL, schema: string): Promise<void> {
  const files = (await readdir(folder)).filter((name) => /^\d{3}-[\w-]+\.sql$/.test(name)).sort()
  await database.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [advisoryLock])
    await tx.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
    await tx.query(
      `CREATE TABLE IF NOT EXISTS ${schema}.migrations (name text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())`,
    )
    const rows = await tx.query<{ name: string }>(`SELECT name FROM ${schema}.migrations`)
    const done = new Set(rows.map((row) => row.name))
    for (const file of files) {
      if (done.has(file)) continue
      await tx.query(await readFile(new URL(file, folder), 'utf8'))
      await tx.query(`INSERT INTO ${schema}.migrations (name) VALUES ($1)`, [file])
    }
  })
}
