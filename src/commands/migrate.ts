import { parseArgs } from 'node:util'
import { readSecrets } from '#config'
import { openDatabase } from '#ports/database'
import { type Role, roles } from '#roles'
import { storeEnvironment } from '../local/running.ts'
import { bringUpToDate, type SchemaState, schemaState } from '../process/schema.ts'

export const summary =
  'bring the databases up to date, or only look: octavo migrate [--check] [catalog,orders]'

/** An index over a million books takes its time. */
const statementTimeoutMs = 60 * 60_000

/** @returns 0 when this program can work on every schema that was asked for, 1 when it cannot */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { check: { type: 'boolean', default: false } },
  })
  const asked = positionals.flatMap((each) => each.split(','))
  const owners = roles.filter(({ name, tables }) => tables && (asked.length === 0 || asked.includes(name)))
  const unknown = asked.filter((name) => !owners.some((role) => role.name === name))
  if (unknown.length > 0) {
    console.error(`octavo migrate: "${unknown.join('", "')}" has no tables of its own`)
    return 2
  }
  const states: SchemaState[] = []
  for (const role of owners) states.push(await migrateOne(role, values.check))
  return states.some(({ kind }) => kind === 'older' || kind === 'incompatible') ? 1 : 0
}

async function migrateOne({ tables }: Role, isCheck: boolean): Promise<SchemaState> {
  if (tables === undefined) throw new Error('only roles with tables are migrated')
  const variable = { bookDb: 'OCTAVO_BOOK_DB', orderDb: 'OCTAVO_ORDER_DB' }[tables.database]
  const url = readSecrets(storeEnvironment(process.env, [variable]), [tables.database])[tables.database]
  await using database = await openDatabase(url, {
    applicationName: 'migrate',
    connectionsMax: 1,
    statementTimeoutMs,
    lockTimeoutMs: 60_000,
  })
  const name = (await tables.schemaAt?.(url)) ?? tables.schema
  const schema = { database, name, folder: await tables.migrations(url) }
  const before = await schemaState(schema)
  const after = isCheck ? before : await bringUpToDate(schema)
  console.log(`${tables.schema}: ${sentenceOf(after, before)}`)
  return after
}

function sentenceOf(after: SchemaState, before: SchemaState): string {
  switch (after.kind) {
    case 'current':
      return before.version === after.version
        ? `version ${after.version}, up to date`
        : `version ${before.version} is now version ${after.version}`
    case 'older':
      return `version ${after.version}, older than the version ${after.needed} that this program needs`
    case 'newer':
      return `version ${after.version}, newer than this program's version ${after.needed}, which still works with it`
    case 'incompatible':
      return `version ${after.version}, which this program (version ${after.needed}) does not work with any more`
  }
}
