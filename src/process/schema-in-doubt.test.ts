import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { systemClock } from '#ports/clock'
import { openDatabase } from '#ports/database'
import { eachDatabaseServer } from '../../test/support/database-servers.ts'
import { bringUpToDate, InDoubtBefore, type Schema, schemaReady, schemaState } from './schema.ts'

for (const [scheme, servers] of eachDatabaseServer())
  test(`${scheme}: what is in doubt is finished before the tables are changed, and waited for until then`, {
    skip: servers.skip,
  }, async (t) => {
    const url = await servers.fresh(t)
    await using database = await openDatabase(url, { applicationName: 'test' })
    const root = mkdtempSync(join(tmpdir(), 'octavo-schema-'))
    t.after(() => rmSync(root, { recursive: true }))
    // On MariaDB a schema is a database, and this one goes with the test.
    const name = new URL(url).pathname.slice(1).toLowerCase()
    const program = (files: Record<string, string>): Schema => {
      const folder = join(root, String(Object.keys(files).length))
      mkdirSync(folder, { recursive: true })
      for (const [file, sql] of Object.entries(files)) writeFileSync(join(folder, file), sql)
      return { database, name, folder: pathToFileURL(`${folder}/`) }
    }
    const first = { '001-first.sql': `CREATE TABLE ${name}.books (n int)` }
    const next = program({ ...first, '002-more.sql': `ALTER TABLE ${name}.books ADD title text` })
    await bringUpToDate(program(first))
    const id = `test:${randomUUID()}`
    await database.prepare(id, async (tx) => {
      await tx.execute(`INSERT INTO ${name}.books (n) VALUES (1)`)
      return { kind: 'prepared' }
    })
    await assert.rejects(bringUpToDate(next), InDoubtBefore)
    assert.equal((await schemaState(next)).kind, 'older')

    let asked = 0
    const recover = async () => {
      // Orders is away at first.
      if (++asked > 3) await database.prepared.commit(id)
    }
    const signal = AbortSignal.timeout(20_000)
    await schemaReady({ ...next, recover }, { migrate: true, clock: systemClock, signal })
    assert.equal((await schemaState(next)).kind, 'current')
    const rows = await database.query(`SELECT n, title FROM ${name}.books`)
    assert.deepEqual(rows, [{ n: 1, title: null }])
  })
