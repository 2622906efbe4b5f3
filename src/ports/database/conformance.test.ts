import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { packTexts, packUuids } from '#kernel/packed-list'
import { testDatabase, testServers } from '../../../test/support/database.ts'
import {
  ConstraintViolation,
  type Database,
  DatabaseBusy,
  DatabaseUnavailable,
  intArray,
  openDatabase,
  SerializationFailure,
  textArray,
  uuidArray,
} from './port.ts'

const adapters = ['postgres']

for (const adapter of adapters) {
  test(`${adapter}: a transaction commits when its work resolves and rolls back when it throws`, async (t) => {
    await using database = await fresh(t)
    await database.transaction((tx) => tx.execute('INSERT INTO things VALUES (1, 1)'))
    await assert.rejects(
      database.transaction(async (tx) => {
        await tx.execute('INSERT INTO things VALUES (2, 1)')
        throw new Error('no')
      }),
      /no/,
    )
    assert.deepEqual(await database.query('SELECT id FROM things', []), [{ id: 1 }])
  })

  test(`${adapter}: a prepared transaction holds its rows until it is committed or aborted, by any connection`, async (t) => {
    await using database = await fresh(t, 500)
    await database.execute('INSERT INTO things VALUES (1, 5)')
    const [first, second] = [`octavo:${randomUUID()}`, `octavo:${randomUUID()}`]
    const take = (id: string) =>
      database.transaction(async (tx) => {
        await tx.execute('UPDATE things SET n = n - 1 WHERE id = 1')
        tx.prepareAs(id)
      })
    await take(first)
    assert.deepEqual(
      (await database.prepared.inDoubt()).map((each) => each.id),
      [first],
    )
    await assert.rejects(take(second), DatabaseBusy)
    assert.equal(await database.prepared.commit(first), 'done')
    assert.equal(await database.prepared.commit(first), 'absent')
    await take(second)
    assert.equal(await database.prepared.abort(second), 'done')
    assert.deepEqual(await database.query('SELECT n FROM things', []), [{ n: 4 }])
  })

  test(`${adapter}: a statement that was not waited for fails its transaction, prepared or not`, async (t) => {
    await using database = await fresh(t)
    await database.execute('INSERT INTO things VALUES (1, 1)')
    for (const prepareAs of [undefined, `octavo:${randomUUID()}`])
      await assert.rejects(
        database.transaction(async (tx) => {
          await tx.execute('INSERT INTO things VALUES (2, 2)')
          if (prepareAs !== undefined) tx.prepareAs(prepareAs)
          tx.execute('UPDATE things SET n = -1 WHERE id = 1').catch(() => undefined)
        }),
        (error) => error instanceof ConstraintViolation && error.kind === 'check',
      )
    assert.deepEqual(await database.query('SELECT id FROM things', []), [{ id: 1 }])
    assert.deepEqual(await database.prepared.inDoubt(), [])
  })

  test(`${adapter}: rows that are not as they were seen are told apart from a wait that was too long`, async (t) => {
    await using database = await fresh(t)
    await database.execute('INSERT INTO things VALUES (1, 1)')
    const readInOneAndWriteInTheOther = database.transaction(async (tx) => {
      await tx.execute('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
      await tx.query('SELECT n FROM things', [])
      await database.execute('UPDATE things SET n = 2')
      await tx.execute('UPDATE things SET n = n + 1')
    })
    await assert.rejects(
      readInOneAndWriteInTheOther,
      (error) => error instanceof SerializationFailure && error instanceof DatabaseBusy,
    )
    assert.deepEqual(await database.query('SELECT n FROM things', []), [{ n: 2 }])
  })

  test(`${adapter}: constraint violations carry the constraint's name and kind`, async (t) => {
    await using database = await fresh(t)
    await database.execute('INSERT INTO things VALUES (1, 1)')
    await assert.rejects(
      database.execute('INSERT INTO things VALUES (1, 1)'),
      (error) =>
        error instanceof ConstraintViolation && error.kind === 'unique' && error.constraint === 'things_pkey',
    )
    await assert.rejects(
      database.execute('UPDATE things SET n = -1'),
      (error) => error instanceof ConstraintViolation && error.kind === 'check',
    )
  })

  test(`${adapter}: a lost connection is told apart from a refusal, and the next statement works`, async (t) => {
    await using database = await fresh(t)
    await assert.rejects(
      database.query('SELECT pg_terminate_backend(pg_backend_pid())', []),
      DatabaseUnavailable,
    )
    assert.deepEqual(await database.query('SELECT 1 AS one', []), [{ one: 1 }])
  })

  test(`${adapter}: a doorbell rings for listeners, once on connecting and then for each notify`, async (t) => {
    await using database = await fresh(t)
    let rings = 0
    let heard: () => void = () => undefined
    await using _listener = await database.listen('bell', () => {
      rings++
      heard()
    })
    assert.equal(rings, 1)
    const next = new Promise<void>((resolve) => {
      heard = resolve
    })
    await database.notify('bell')
    await next
    assert.equal(rings, 2)
  })
}

async function fresh(t: Parameters<typeof testDatabase>[0], lockTimeoutMs = 5_000): Promise<Database> {
  const { url } = await testDatabase(t, 'database')
  const database = await openDatabase(url, { applicationName: 'test', lockTimeoutMs })
  await database.execute('CREATE TABLE things (id int PRIMARY KEY, n int CHECK (n >= 0))')
  return database
}

test('postgres: the same statement sent twice without waiting answers twice', async (t) => {
  await using database = await fresh(t)
  const answers = await database.transaction((tx) =>
    Promise.all([1, 2, 3].map((n) => tx.query('SELECT $1::int AS n', [n]))),
  )
  assert.deepEqual(answers, [[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]])
})

test('postgres: arrays sent in binary arrive as what they hold, empty ones and any text too', async (t) => {
  await using database = await fresh(t)
  const ids = [randomUUID(), randomUUID()]
  const texts = ['', '{"a,b"}', '“Ünï” 書\n\\']
  const ints = [0, -1, 2 ** 31 - 1, -(2 ** 31)]
  const sent = [uuidArray(packUuids(ids)), textArray(packTexts(texts)), intArray(ints), intArray([])]
  const [row] = await database.query(
    'SELECT $1::uuid[]::text[] AS ids, $2::text[] AS texts, $3::int[] AS ints, cardinality($4::int[]) AS none',
    sent,
  )
  assert.deepEqual(row, { ids, texts, ints, none: 0 })
  assert.throws(() => intArray([2 ** 31]), RangeError)
})

test('postgres: a server that is frozen is given up, and the next statement uses another connection', async (t) => {
  const [server] = await testServers(t, 1)
  assert.ok(server)
  await server.ensureDatabase('frozen')
  await using database = await openDatabase(server.url('frozen'), {
    applicationName: 'test',
    statementTimeoutMs: 300,
  })
  await database.query('SELECT 1', [])
  await server.pause()
  await assert.rejects(database.query('SELECT 2 AS two', []), DatabaseUnavailable)
  await server.resume()
  assert.deepEqual(await database.query('SELECT 3 AS three', []), [{ three: 3 }])
})
