import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Unavailable } from '#kernel/unavailable'
import type { Clock } from '#ports/clock'
import { type Database, migrate, type Statements } from '#ports/database'
import { logger } from '#ports/log'

/** A service's tables in its database, as this program is made for them. */
export type Schema = {
  database: Database
  /** The name of the schema, such as `orders`. */
  name: string
  /** Its migrations, `NNN-name.sql`. */
  folder: URL
  /** Finishes what is in doubt there by what was decided, as far as that can be known now. */
  recover?: () => Promise<unknown>
}

/** How the database stands to this program. Versions are the numbers of migrations. */
export type SchemaState =
  | { kind: 'current'; version: number }
  /** Somebody has to migrate before this program can work. */
  | { kind: 'older'; version: number; needed: number }
  /** A newer program has migrated, and left this one able to work. */
  | { kind: 'newer'; version: number; needed: number }
  | { kind: 'incompatible'; version: number; needed: number; oldest: number }

/** The database has moved on further than this program can follow, or does not let itself be brought up to date. */
export class SchemaError extends Error {
  override name = 'SchemaError'
}

/** Prepared transactions hold locks that keep a migration, and after it everybody else, from the tables. */
export class InDoubtBefore extends Unavailable {
  override name = 'InDoubtBefore'
}

const log = logger('schema')
const lookEveryMs = 500
const sayEveryMs = 10_000
/** What is prepared for longer is not on its way any more. */
const underWayMaxMs = 1_500

/**
 * Resolves when this program can work on the schema: brings it up to date, or waits, saying so, until somebody has.
 * @throws SchemaError when a newer program has left this one behind
 */
export async function schemaReady(
  schema: Schema,
  { migrate: mayMigrate, clock, signal }: { migrate: boolean; clock: Clock; signal: AbortSignal },
): Promise<void> {
  let saidMs = Number.NEGATIVE_INFINITY
  const say = (text: string, fields: object) => {
    if (clock.monotonicMs() - saidMs < sayEveryMs) return
    saidMs = clock.monotonicMs()
    log.warn(text, { schema: schema.name, ...fields })
  }
  while (!signal.aborted) {
    try {
      const state = mayMigrate ? await bringUpToDate(schema) : await schemaState(schema)
      if (state.kind === 'incompatible') throw new SchemaError(leftBehind(schema.name, state))
      if (state.kind !== 'older') return
      say('waiting for the schema to be migrated; octavo migrate does it', {
        version: state.version,
        needed: state.needed,
      })
    } catch (error) {
      // A database that is not there yet is waited for like a schema that is not.
      if (!(error instanceof Unavailable)) throw error
      say(error instanceof InDoubtBefore ? 'waiting before the migration' : 'waiting for the database', {
        error,
      })
    }
    // Called off when the process is to end, which the loop then sees.
    await clock.sleep(lookEveryMs, signal).catch(() => undefined)
  }
  throw new SchemaError(`the schema ${schema.name} was not there before the stop`)
}

/**
 * Migrates what is older; several may do it at once. Programs that the new schema leaves behind are shut out first.
 * @returns how the schema stands after
 * @throws InDoubtBefore while transactions are in doubt, whose locks a migration would wait for
 */
export async function bringUpToDate(schema: Schema): Promise<SchemaState> {
  const state = await schemaState(schema)
  if (state.kind !== 'older') return state
  const { database, name, folder } = schema
  const { version, oldest } = made(folder)
  await nothingInDoubt(schema)
  await prepareRecord(database, name)
  await database.transaction((tx) => note(tx, name, 0, oldest))
  await migrate(database, folder, name)
  await database.transaction((tx) => note(tx, name, version, oldest))
  log.info('migrated', { schema: name, from: state.version, to: version })
  return { kind: 'current', version }
}

async function nothingInDoubt({ database, name, recover }: Schema): Promise<void> {
  await recover?.()
  const before = new Set(await database.prepared.inDoubt())
  if (before.size === 0) return
  await sleep(underWayMaxMs)
  await recover?.()
  const left = (await database.prepared.inDoubt()).filter((id) => before.has(id))
  if (left.length > 0)
    throw new InDoubtBefore(
      `${name} is not migrated while ${left.length} of its transactions are in doubt, such as ${left[0]}; catalog finishes ` +
        'them once orders answers, and octavo transactions shows them',
    )
}

/** Several may come at once, and IF NOT EXISTS does not keep two from making the same thing at the same moment. */
async function prepareRecord(database: Database, name: string): Promise<void> {
  await database.exclusively(`version of ${name}`, async (session) => {
    await session.script(`CREATE SCHEMA IF NOT EXISTS ${name}`)
    await session.script(
      `CREATE TABLE IF NOT EXISTS ${name}.schema_version (
         id int PRIMARY KEY CHECK (id = 1), version int NOT NULL, oldest_program int NOT NULL)`,
    )
    const rows = await session.query(`SELECT id FROM ${name}.schema_version`)
    if (rows.length > 0) return
    await session.execute(`INSERT INTO ${name}.schema_version (id, version, oldest_program) VALUES (1, 0, 0)`)
  })
}

/** Both numbers only ever grow, whoever comes second. */
async function note(tx: Statements, name: string, version: number, oldest: number): Promise<void> {
  await tx.execute(
    `UPDATE ${name}.schema_version SET version = greatest(version, ${version}),
       oldest_program = greatest(oldest_program, ${oldest}) WHERE id = 1`,
  )
}

/** Looks, and changes nothing. */
export async function schemaState({ database, name, folder }: Schema): Promise<SchemaState> {
  const needed = made(folder).version
  const { version, oldest } = (await noted(database, name)) ?? { version: 0, oldest: 0 }
  if (needed < oldest) return { kind: 'incompatible', version, needed, oldest }
  if (version < needed) return { kind: 'older', version, needed }
  return version > needed ? { kind: 'newer', version, needed } : { kind: 'current', version }
}

async function noted(
  database: Database,
  name: string,
): Promise<{ version: number; oldest: number } | undefined> {
  const tables = await database.query(
    `SELECT 1 FROM information_schema.tables WHERE table_schema = '${name}' AND table_name = 'schema_version'`,
  )
  if (tables.length === 0) return undefined
  const [row] = await database.query<{ version: number; oldest: number }>(
    `SELECT version, oldest_program AS oldest FROM ${name}.schema_version WHERE id = 1`,
  )
  return row
}

/**
 * What this program's migrations make: the number of the last one, and the oldest program that can work on the result.
 * A migration that older programs can live with says so in a line of its own, `-- works with programs from NNN`, where
 * NNN is the last migration of the oldest of them; any other shuts out all programs that do not know it.
 */
export function made(folder: URL): { version: number; oldest: number } {
  const files = readdirSync(folder).filter((name) => /^\d{3}-[\w-]+\.sql$/.test(name))
  let [version, oldest] = [0, 0]
  for (const file of files) {
    const number = Number(file.slice(0, 3))
    const says = /^-- works with programs from (\d{3})\s*$/m.exec(
      readFileSync(new URL(file, folder), 'utf8'),
    )?.[1]
    version = Math.max(version, number)
    oldest = Math.max(oldest, says === undefined ? number : Number(says))
  }
  return { version, oldest }
}

function leftBehind(name: string, state: Extract<SchemaState, { kind: 'incompatible' }>): string {
  return (
    `the schema ${name} is at version ${state.version} and works with programs from version ${state.oldest}; ` +
    `this program is made for version ${state.needed}: start a newer Octavo`
  )
}
