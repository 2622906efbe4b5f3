import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type TestScope, testDatabase } from '../../../test/support/database.ts'
import { eachDatabaseServer } from '../../../test/support/database-servers.ts'
import { type Database, MigrationFailed, migrate, migrationState, openDatabase } from './port.ts'

const create = 'CREATE TABLE IF NOT EXISTS shop.notes (words varchar(40)); '
const write = (words: string) => `INSERT INTO shop.notes VALUES ('${words}'); `
const fail = 'INSERT INTO shop.nowhere VALUES (1);'

for (const [scheme, servers] of eachDatabaseServer()) {
  const fresh = async (t: TestScope) => {
    const url = await servers.fresh(t)
    const open = () => openDatabase(url, { applicationName: 'test' })
    const database = await open()
    t.after(() => database[Symbol.asyncDispose]())
    // Where a schema is a database, it is the server's and another test may have left its own.
    if (!database.dialect.transactionalDdl) await database.execute('DROP SCHEMA IF EXISTS shop')
    return { open, database }
  }

  test(`${scheme}: each file is run once, in order, however many replicas start together`, async (t) => {
    const { open, database } = await fresh(t)
    const folder = await folderWith(t, { '002-two.sql': write('two'), '001-one.sql': create + write('one') })
    assert.deepEqual(await stateOf(database, folder), {
      pending: ['001-one.sql', '002-two.sql'],
      unknown: [],
    })
    const ran = await Promise.all(
      Array.from({ length: 4 }, async () => {
        await using replica = await open()
        return await migrate(replica, folder, 'shop')
      }),
    )
    assert.deepEqual(ran.flat(), ['001-one.sql', '002-two.sql'])
    assert.deepEqual(await notes(database), ['one', 'two'])
    assert.deepEqual(await stateOf(database, folder), { pending: [], unknown: [] })
    const older = await folderWith(t, { '001-one.sql': '' })
    assert.deepEqual(await stateOf(database, older), { pending: [], unknown: ['002-two.sql'] })
  })

  test(`${scheme}: a file that fails is named, those before it stay, and once mended it is run`, async (t) => {
    const { database } = await fresh(t)
    const files = { '001-one.sql': create + write('one'), '002-two.sql': fail }
    const folder = await folderWith(t, files)
    await assert.rejects(
      migrate(database, folder, 'shop'),
      (error) => error instanceof MigrationFailed && /002-two\.sql of shop failed/.test(error.message),
    )
    assert.deepEqual(await notes(database), ['one'])
    await writeFile(new URL('002-two.sql', folder), write('two'))
    assert.deepEqual(await migrate(database, folder, 'shop'), ['002-two.sql'])
    assert.deepEqual(await notes(database), ['one', 'two'])
  })
}

test('postgres: of a file that fails nothing is kept', async (t) => {
  const { database } = await freshPostgres(t)
  const folder = await folderWith(t, { '001-one.sql': create, '002-two.sql': write('half') + fail })
  await assert.rejects(migrate(database, folder, 'shop'), /nothing of it was kept/)
  assert.deepEqual(await notes(database), [])
})

test('where DDL stays, a file that broke off is said to be half done, and run again from its beginning', async (t) => {
  const { database } = await freshPostgres(t)
  // PostgreSQL without the transaction around a file: a COMMIT inside stands for DDL that nothing takes back.
  const stubborn = { ...database, dialect: { ...database.dialect, transactionalDdl: false } }
  const half = `${create + write('half')} COMMIT;`
  const folder = await folderWith(t, { '001-one.sql': half + fail, '002-two.sql': write('two') })
  await assert.rejects(
    migrate(stubborn, folder, 'shop'),
    /001-one\.sql of shop failed, and what it did .*stays/,
  )
  assert.deepEqual((await stateOf(database, folder)).pending, ['001-one.sql', '002-two.sql'])
  const said = t.mock.method(process.stderr, 'write', () => true)
  await writeFile(new URL('001-one.sql', folder), create + write('whole'))
  await migrate(stubborn, folder, 'shop')
  assert.match(String(said.mock.calls[0]?.arguments), /broke off half done.*001-one\.sql/)
  assert.equal(said.mock.callCount(), 1)
  assert.deepEqual(await notes(database), ['half', 'two', 'whole'])
  assert.deepEqual(await stateOf(database, folder), { pending: [], unknown: [] })
})

async function freshPostgres(t: TestScope): Promise<{ database: Database }> {
  const { url } = await testDatabase(t, 'migrate')
  const database = await openDatabase(url, { applicationName: 'test' })
  t.after(() => database[Symbol.asyncDispose]())
  return { database }
}

const stateOf = (database: Database, folder: URL) => migrationState(database, folder, 'shop')

async function notes(database: Database): Promise<string[]> {
  const rows = await database.query<{ words: string }>('SELECT words FROM shop.notes ORDER BY words')
  return rows.map(({ words }) => words)
}

async function folderWith(t: TestScope, files: Readonly<Record<string, string>>): Promise<URL> {
  const folder = await mkdtemp(join(tmpdir(), 'octavo-migrations-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  for (const [name, sql] of Object.entries(files)) await writeFile(join(folder, name), sql)
  return pathToFileURL(`${folder}/`)
}
