import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { systemClock } from '#ports/clock'
import { type Database, openDatabase } from '#ports/database'
import { roles } from '#roles'
import { type TestScope, testDatabase } from '../../test/support/database.ts'
import { until } from '../../test/support/until.ts'
import { bringUpToDate, made, type Schema, SchemaError, schemaReady, schemaState } from './schema.ts'

const first = { '001-first.sql': 'CREATE TABLE shelf.books (isbn text);' }
const compatible = {
  ...first,
  '002-more.sql': '-- works with programs from 001\nALTER TABLE shelf.books ADD title text;',
}
const breaking = { ...compatible, '003-less.sql': 'ALTER TABLE shelf.books DROP isbn;' }

/** A program with these migrations, in front of one database. */
async function open(t: TestScope) {
  const { url } = await testDatabase(t, 'schema')
  const root = mkdtempSync(join(tmpdir(), 'octavo-schema-'))
  t.after(() => rmSync(root, { recursive: true }))
  const database = await openDatabase(url, { applicationName: 'test' })
  t.after(() => database[Symbol.asyncDispose]())
  const program = (files: Record<string, string>, other: Database = database): Schema => {
    const folder = join(root, String(Object.keys(files).length))
    mkdirSync(folder, { recursive: true })
    for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql)
    return { database: other, name: 'shelf', folder: pathToFileURL(`${folder}/`) }
  }
  return { program, url }
}

const ready = (schema: Schema, migrate: boolean, signal = AbortSignal.timeout(20_000)) =>
  schemaReady(schema, { migrate, clock: systemClock, signal })

test('a program migrates an empty database, and finds it current after', async (t) => {
  const { program } = await open(t)
  assert.deepEqual(await schemaState(program(first)), { kind: 'older', version: 0, needed: 1 })
  assert.deepEqual(await bringUpToDate(program(first)), { kind: 'current', version: 1 })
  await ready(program(first), false)
})

test('a program that may not migrate waits on an older schema until somebody has', async (t) => {
  const { program } = await open(t)
  await bringUpToDate(program(first))
  let isReady = false
  const waiting = ready(program(compatible), false).then(() => {
    isReady = true
  })
  await sleep(700)
  assert.equal(isReady, false)
  await bringUpToDate(program(compatible))
  await waiting
})

test('an older program works on a newer schema that lets it, and refuses one that does not', async (t) => {
  const { program } = await open(t)
  await bringUpToDate(program(compatible))
  assert.equal((await schemaState(program(first))).kind, 'newer')
  await ready(program(first), true)
  await bringUpToDate(program(breaking))
  for (const mayMigrate of [true, false])
    await assert.rejects(
      ready(program(compatible), mayMigrate),
      (error) =>
        error instanceof SchemaError &&
        /shelf is at version 3 and works with programs from version 3.*made for version 2/.test(
          error.message,
        ),
    )
})

test('an older program that migrates late takes nothing back', async (t) => {
  const { program } = await open(t)
  await bringUpToDate(program(breaking))
  assert.equal((await bringUpToDate(program(first))).kind, 'incompatible')
  assert.deepEqual(await schemaState(program(breaking)), { kind: 'current', version: 3 })
})

test('programs that start together migrate once', async (t) => {
  const { program, url } = await open(t)
  const others = await Promise.all(
    Array.from({ length: 4 }, () => openDatabase(url, { applicationName: 'test' })),
  )
  try {
    await Promise.all(others.map((database) => ready(program(breaking, database), true)))
    assert.deepEqual(await schemaState(program(breaking)), { kind: 'current', version: 3 })
  } finally {
    await Promise.all(others.map((database) => database[Symbol.asyncDispose]()))
  }
})

test('a wait for a schema ends with the process', async (t) => {
  const { program } = await open(t)
  const stop = new AbortController()
  const waiting = ready(program(first), false, stop.signal)
  setTimeout(() => stop.abort(), 50)
  await assert.rejects(waiting, SchemaError)
})

test('a database that is away is waited for', async (t) => {
  const { program } = await open(t)
  await using away = await openDatabase('postgres://nobody@127.0.0.1:1/none', { applicationName: 'test' })
  const stop = new AbortController()
  let ended = false
  const waiting = ready(program(first, away), true, stop.signal).catch(() => {
    ended = true
  })
  await sleep(300)
  assert.equal(ended, false)
  stop.abort()
  await waiting
  await until(() => ended)
})

test('the services’ own migrations say what they make', async () => {
  const owners = roles.flatMap(({ tables }) => tables ?? [])
  assert.ok(owners.length >= 2)
  for (const { schema, migrations } of owners) {
    const { version, oldest } = made(await migrations('postgres://db/any'))
    assert.ok(version >= 1 && oldest <= version, schema)
  }
})
