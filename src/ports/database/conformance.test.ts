import assert from 'node:assert/strict'
import { test as anyTest } from 'node:test'
import { systemClock } from '#ports/clock'
import type { TestScope } from '../../../test/support/database.ts'
import { databaseServers, eachDatabaseServer } from '../../../test/support/database-servers.ts'
import {
  ConstraintViolation,
  type Database,
  DatabaseBusy,
  type DatabaseOptions,
  DatabaseUnavailable,
  databaseAdapters,
  openDatabase,
  SerializationFailure,
} from './port.ts'

anyTest('every database adapter has servers to be tested on', () => {
  assert.deepEqual(Object.keys(databaseServers).sort(), Object.keys(databaseAdapters).sort())
})

anyTest('a scheme that no adapter has is refused with those there are', async () => {
  await assert.rejects(openDatabase('oracle://x', { applicationName: 'test' }), /"oracle:".*postgres:/)
})

const things = `CREATE TABLE things (
  id int NOT NULL, n int, CONSTRAINT one_thing UNIQUE (id), CONSTRAINT not_negative CHECK (n >= 0))`
const newId = () => `octavo:${systemClock.uuid()}`

for (const [scheme, servers] of eachDatabaseServer()) {
  const test = (title: string, body: (t: TestScope) => Promise<void>) =>
    anyTest(title, { skip: servers.skip }, body)
  const open = async (t: TestScope, url: string, options: Partial<DatabaseOptions> = {}) => {
    const database = await openDatabase(url, { applicationName: 'test', ...options })
    t.after(() => database[Symbol.asyncDispose]())
    return database
  }
  /** A database with the table `things`, which holds 5 under the id 1. */
  const fresh = async (t: TestScope, options: Partial<DatabaseOptions> = {}) => {
    const url = await servers.fresh(t)
    const database = await open(t, url, options)
    await database.execute(things)
    await database.execute('INSERT INTO things VALUES (1, 5)')
    return { url, database }
  }
  const numbers = async (database: Database) =>
    (await database.query<{ n: number }>('SELECT n FROM things ORDER BY id')).map(({ n }) => n)
  const take = (database: Database, id: string, kind: 'prepared' | 'nothing' = 'prepared') =>
    database.prepare(id, async (tx) => {
      await tx.execute('UPDATE things SET n = n - 1 WHERE id = 1')
      return { kind }
    })

  test(`${scheme}: a transaction commits when its work resolves and rolls back when it throws`, async (t) => {
    const { database } = await fresh(t)
    const { parameter } = servers
    const insert = `INSERT INTO things VALUES (${parameter(1)}, ${parameter(2)})`
    await database.transaction((tx) => tx.execute(insert, [2, 1]))
    const failing = database.transaction(async (tx) => {
      await tx.execute(insert, [3, 1])
      throw new Error('no')
    })
    await assert.rejects(failing, /no/)
    assert.deepEqual(await numbers(database), [5, 1])
  })

  test(`${scheme}: a statement that comes after the end of its transaction is nobody else’s`, async (t) => {
    const { database } = await fresh(t, { connectionsMax: 1 })
    let late: Promise<unknown> | undefined
    const failing = database.transaction(async (tx) => {
      late = new Promise((resolve) => setTimeout(resolve, 50)).then(() =>
        tx.execute('UPDATE things SET n = 0'),
      )
      late.catch(() => undefined)
      await tx.execute('UPDATE things SET n = -1')
    })
    await assert.rejects(failing, ConstraintViolation)
    await database.transaction(async (tx) => {
      await tx.execute('UPDATE things SET n = 6')
      await assert.rejects(late ?? Promise.resolve())
    })
    assert.deepEqual(await numbers(database), [6])
  })

  test(`${scheme}: the same statement sent several times without waiting answers each`, async (t) => {
    const { database } = await fresh(t)
    const sql = `SELECT id FROM things WHERE n < ${servers.parameter(1)}`
    const answers = await database.transaction((tx) => Promise.all([5, 6, 7].map((n) => tx.query(sql, [n]))))
    assert.deepEqual(answers, [[], [{ id: 1 }], [{ id: 1 }]])
  })

  test(`${scheme}: a snapshot sees the moment it began at, in every statement, and writes nothing`, async (t) => {
    const { database } = await fresh(t)
    const seen = await database.snapshot(async (tx) => {
      await database.execute('UPDATE things SET n = 6')
      const first = await tx.query('SELECT n FROM things')
      await database.execute('INSERT INTO things VALUES (2, 7)')
      await assert.rejects(tx.execute('UPDATE things SET n = 0'))
      return first
    })
    assert.deepEqual(seen, [{ n: 5 }])
    assert.deepEqual(await numbers(database), [6, 7])
    const again = await database.snapshot(async (tx) => [
      await tx.query('SELECT n FROM things WHERE id = 1'),
      await database.execute('UPDATE things SET n = 8 WHERE id = 1'),
      await tx.query('SELECT n FROM things WHERE id = 1'),
    ])
    assert.deepEqual(again, [[{ n: 6 }], 1, [{ n: 6 }]])
  })

  test(`${scheme}: a transaction sees what others committed since it began`, async (t) => {
    const { database } = await fresh(t)
    await database.transaction(async (tx) => {
      assert.deepEqual(await tx.query('SELECT n FROM things'), [{ n: 5 }])
      await database.execute('UPDATE things SET n = 6')
      assert.deepEqual(await tx.query('SELECT n FROM things'), [{ n: 6 }])
    })
  })

  test(`${scheme}: what is prepared holds its rows until anybody commits or aborts it`, async (t) => {
    const { url, database } = await fresh(t, { lockTimeoutMs: 500 })
    const other = await open(t, url)
    const [first, second] = [newId(), newId()]
    await take(database, first)
    assert.deepEqual(await database.prepared.inDoubt(), [first])
    assert.deepEqual(await other.prepared.inDoubt(), [first])
    await assert.rejects(take(database, second), DatabaseBusy)
    assert.deepEqual(await numbers(database), [5])
    assert.equal(await other.prepared.commit(first), 'done')
    assert.equal(await database.prepared.commit(first), 'absent')
    assert.equal(await database.prepared.abort(first), 'absent')
    await take(database, second)
    assert.equal(await other.prepared.abort(second), 'done')
    assert.deepEqual(await numbers(database), [4])
    assert.deepEqual(await database.prepared.inDoubt(), [])
  })

  test(`${scheme}: nothing is prepared when the vote is nothing or the work throws, and no lock stays`, async (t) => {
    const { database } = await fresh(t, { lockTimeoutMs: 500 })
    assert.deepEqual(await take(database, newId(), 'nothing'), { kind: 'nothing' })
    const failing = database.prepare(newId(), async (tx) => {
      await tx.execute('UPDATE things SET n = 0')
      throw new Error('no')
    })
    await assert.rejects(failing, /no/)
    assert.deepEqual(await database.prepared.inDoubt(), [])
    await database.execute('UPDATE things SET n = n + 1')
    assert.deepEqual(await numbers(database), [6])
  })

  test(`${scheme}: an id is prepared once, has a form, and is known to its own database alone`, async (t) => {
    const { database } = await fresh(t)
    const { database: neighbour } = await fresh(t)
    const id = newId()
    await take(database, id)
    await database.execute('INSERT INTO things VALUES (2, 5)')
    const again = database.prepare(id, async (tx) => {
      await tx.execute('UPDATE things SET n = 0 WHERE id = 2')
      return { kind: 'prepared' }
    })
    await assert.rejects(again)
    assert.deepEqual(await neighbour.prepared.inDoubt(), [])
    await database.prepared.commit(id)
    assert.deepEqual(await numbers(database), [4, 5])
    for (const wrong of ['', "it's", 'x'.repeat(65)]) {
      await assert.rejects(take(database, wrong), /not a transaction id/)
      await assert.rejects(database.prepared.commit(wrong), /not a transaction id/)
    }
  })

  test(`${scheme}: a statement that was not waited for fails its transaction, prepared or not`, async (t) => {
    const { database } = await fresh(t)
    const work = async (tx: Pick<Database, 'execute'>) => {
      await tx.execute('INSERT INTO things VALUES (2, 2)')
      tx.execute('UPDATE things SET n = -1 WHERE id = 1').catch(() => undefined)
      return { kind: 'prepared' as const }
    }
    for (const failing of [database.transaction(work), database.prepare(newId(), work)])
      await assert.rejects(failing, (error) => error instanceof ConstraintViolation && error.kind === 'check')
    assert.deepEqual(await numbers(database), [5])
    assert.deepEqual(await database.prepared.inDoubt(), [])
  })

  test(`${scheme}: rows that are not as they were seen are told apart from a wait that was too long`, async (t) => {
    const { database } = await fresh(t, { lockTimeoutMs: 300 })
    const outdated = servers.writeOutdated(database, () => database.execute('UPDATE things SET n = 2'))
    await assert.rejects(outdated, SerializationFailure)
    assert.deepEqual(await numbers(database), [2])
    await database.transaction(async (tx) => {
      await tx.execute('UPDATE things SET n = 3')
      const tooLong = database.execute('UPDATE things SET n = 4')
      await assert.rejects(
        tooLong,
        (error) => error instanceof DatabaseBusy && !(error instanceof SerializationFailure),
      )
    })
    assert.deepEqual(await numbers(database), [3])
  })

  test(`${scheme}: constraint violations carry the constraint's name and kind`, async (t) => {
    const { database } = await fresh(t)
    await database.execute(
      'CREATE TABLE parts (thing int, CONSTRAINT part_of_thing FOREIGN KEY (thing) REFERENCES things (id))',
    )
    const violations = {
      'INSERT INTO things VALUES (1, 1)': ['unique', 'one_thing'],
      'UPDATE things SET n = -1': ['check', 'not_negative'],
      'INSERT INTO parts VALUES (7)': ['foreign-key', 'part_of_thing'],
    }
    for (const [sql, expected] of Object.entries(violations))
      await assert.rejects(database.execute(sql), (error) => {
        assert.ok(error instanceof ConstraintViolation, sql)
        assert.deepEqual([error.kind, error.constraint], expected)
        return true
      })
  })

  test(`${scheme}: values arrive as what they are, and rows are counted that a statement wrote as they were`, async (t) => {
    const { database } = await fresh(t)
    const [p1, p2, p3, p4] = [1, 2, 3, 4].map(servers.parameter)
    await database.execute(
      `CREATE TABLE every_type (big bigint, doc json, at ${servers.instant}, words varchar(40))`,
    )
    const value = {
      big: Number.MAX_SAFE_INTEGER,
      doc: { n: [1, 'two', null] },
      at: new Date(1_800_000_000_123),
      words: `“Ünï” 書 😀 '\\`,
    }
    const params = [value.big, JSON.stringify(value.doc), value.at, value.words]
    await database.execute(`INSERT INTO every_type VALUES (${p1}, ${p2}, ${p3}, ${p4})`, params)
    assert.deepEqual(await database.query('SELECT * FROM every_type'), [value])
    assert.deepEqual(await database.query('SELECT count(*) AS n FROM things', []), [{ n: 1 }])
    assert.equal(await database.execute('UPDATE things SET n = 5'), 1)
    assert.equal(await database.execute('UPDATE things SET n = 5 WHERE id = 2'), 0)
  })

  test(`${scheme}: a lost connection is told apart from a refusal, and the next statement works`, async (t) => {
    const { database } = await fresh(t)
    await assert.rejects(database.query(servers.loseConnection, []), DatabaseUnavailable)
    assert.deepEqual(await numbers(database), [5])
    const cutOff = database.transaction(async (tx) => {
      await tx.execute('UPDATE things SET n = 0')
      await tx.query(servers.loseConnection)
    })
    await assert.rejects(cutOff, DatabaseUnavailable)
    assert.deepEqual(await numbers(database), [5])
  })

  test(`${scheme}: work under one name is done by one at a time, and the name is free again however it ends`, async (t) => {
    const { url, database } = await fresh(t)
    const other = await open(t, url)
    let atWork = 0
    const alone = async (by: Database, end: () => unknown) =>
      by.exclusively('test', async (session) => {
        assert.equal(++atWork, 1)
        await session.transaction((tx) => tx.execute('UPDATE things SET n = n + 1'))
        atWork--
        return await end()
      })
    const rounds = Array.from({ length: 3 }, () => [alone(database, () => 'a'), alone(other, () => 'b')])
    assert.equal((await Promise.all(rounds.flat())).join(''), 'ababab')
    const throwing = alone(database, () => {
      throw new Error('no')
    })
    await assert.rejects(throwing, /no/)
    const cutOff = database.exclusively('test', (session) => session.query(servers.loseConnection))
    await assert.rejects(cutOff, DatabaseUnavailable)
    await alone(other, () => undefined)
    assert.deepEqual(await numbers(database), [13])
  })

  test(`${scheme}: a frozen server is given up, and what was prepared survives the death of one`, async (t) => {
    const server = await servers.own(t)
    await server.ensureDatabase('mortal')
    const database = await open(t, server.url('mortal'), { statementTimeoutMs: 300 })
    await database.execute(things)
    await database.execute('INSERT INTO things VALUES (1, 5)')
    await server.pause()
    await assert.rejects(numbers(database), DatabaseUnavailable)
    await server.resume()
    assert.deepEqual(await numbers(database), [5])
    const [committed, aborted] = [newId(), newId()]
    await take(database, committed)
    await database.prepare(aborted, async (tx) => {
      await tx.execute('INSERT INTO things VALUES (2, 2)')
      return { kind: 'prepared' }
    })
    await server.kill()
    await assert.rejects(numbers(database), DatabaseUnavailable)
    await server.start()
    assert.deepEqual((await database.prepared.inDoubt()).sort(), [committed, aborted].sort())
    assert.equal(await database.prepared.commit(committed), 'done')
    assert.equal(await database.prepared.abort(aborted), 'done')
    assert.deepEqual(await numbers(database), [4])
  })
}
