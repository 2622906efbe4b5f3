import { readdir, readFile } from 'node:fs/promises'
import { logger } from '#ports/log'
import type { Database, Session, Statements } from './database.ts'

const log = logger('migrations')

export type MigrationState = {
  /** Files that the database has not seen, oldest first. */
  pending: string[]
  /** What was run on the database and is not in the folder: a newer version's. */
  unknown: string[]
}

/** A migration's file that the database did not take; those before it stay done. */
export class MigrationFailed extends Error {
  override name = 'MigrationFailed'
}

/**
 * Brings a service's tables up to date: runs each of the folder's `NNN-name.sql` files once, in their order, under a lock, so that replicas may start together. A file is
 * recorded when it is done: with what it did, where DDL takes part in transactions. Where it does not, a file that broke
 * off is run again from its beginning, so each of its statements has to be repeatable (`IF NOT EXISTS` and the like).
 * @param schema where the tables live; created when missing
 * @returns the files that were run
 * @throws MigrationFailed naming the file, and what became of it
 */
export async function migrate(database: Database, folder: URL, schema: string): Promise<string[]> {
  const files = await filesIn(folder)
  return await database.exclusively(`migrations of ${schema}`, async (session) => {
    await session.script(`CREATE SCHEMA IF NOT EXISTS ${checked(schema)}`)
    for (const table of [done(schema), begun(schema)])
      await session.script(
        `CREATE TABLE IF NOT EXISTS ${table} (name varchar(100) PRIMARY KEY, at timestamp DEFAULT CURRENT_TIMESTAMP)`,
      )
    const known = new Set(await namesIn(session, done(schema)))
    const pending = files.filter((file) => !known.has(file))
    for (const file of pending) {
      const sql = await readFile(new URL(file, folder), 'utf8')
      if (database.dialect.transactionalDdl) await runWhole(session, schema, file, sql)
      else await runInSteps(session, schema, file, sql)
    }
    return pending
  })
}

/** How a service's tables stand, without changing anything. */
export async function migrationState(
  database: Database,
  folder: URL,
  schema: string,
): Promise<MigrationState> {
  const files = await filesIn(folder)
  const [table] = await database.query<{ n: number }>(
    `SELECT count(*) AS n FROM information_schema.tables
      WHERE table_schema = '${checked(schema)}' AND table_name = 'migrations'`,
  )
  const known = table?.n === 1 ? await namesIn(database, done(schema)) : []
  return {
    pending: files.filter((file) => !known.includes(file)),
    unknown: known.filter((name) => !files.includes(name)),
  }
}

async function runWhole(session: Session, schema: string, file: string, sql: string): Promise<void> {
  try {
    await session.transaction(async (tx) => {
      await tx.query(sql)
      await note(tx, done(schema), file)
    })
  } catch (error) {
    throw failure(schema, file, error, 'nothing of it was kept')
  }
}

async function runInSteps(session: Session, schema: string, file: string, sql: string): Promise<void> {
  const halfDone = await namesIn(session, begun(schema))
  if (halfDone.includes(file))
    log.warn('a migration broke off half done; it is run again from its beginning', { schema, file })
  else await note(session, begun(schema), file)
  try {
    await session.script(sql)
  } catch (error) {
    throw failure(
      schema,
      file,
      error,
      'what it did before that stays; once mended it is run again from its beginning',
    )
  }
  await note(session, done(schema), file)
  await session.execute(`DELETE FROM ${begun(schema)} WHERE name = '${file}'`)
}

function failure(schema: string, file: string, cause: unknown, kept: string): MigrationFailed {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new MigrationFailed(`migration ${file} of ${schema} failed, and ${kept}: ${why}`, { cause })
}

async function filesIn(folder: URL): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /^\d{3}-[\w-]{1,90}\.sql$/.test(name)).sort()
}

const done = (schema: string) => `${checked(schema)}.migrations`
const begun = (schema: string) => `${checked(schema)}.migrations_begun`

/** Names are known to need no quotes, and stand in the statements themselves, which are then the same in every dialect. */
async function note(on: Statements, table: string, file: string): Promise<void> {
  await on.execute(`INSERT INTO ${table} (name) VALUES ('${file}')`)
}

async function namesIn(on: Statements, table: string): Promise<string[]> {
  const rows = await on.query<{ name: string }>(`SELECT name FROM ${table} ORDER BY name`)
  return rows.map(({ name }) => name)
}

function checked(schema: string): string {
  if (!/^[a-z_][a-z0-9_]*$/.test(schema)) throw new Error(`not a schema's name: ${schema}`)
  return schema
}
