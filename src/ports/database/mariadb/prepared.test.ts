import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { testMariadb } from '../../../../test/support/mariadb.ts'
import { mariadbMissing } from '../../../../test/support/mariadb-server.ts'
import { ConstraintViolation, openDatabase, SerializationFailure } from '../port.ts'

const commitsCount = 1_500

test('an id whose work failed is free again at once, on whichever connection', {
  skip: mariadbMissing(),
}, async (t) => {
  const { url } = await testMariadb(t, 'prepared')
  await using database = await openDatabase(url, { applicationName: 'test' })
  await database.execute('CREATE TABLE things (n int NOT NULL, CONSTRAINT not_negative CHECK (n >= 0))')
  await database.execute('INSERT INTO things VALUES (5)')
  // Several connections are open: the next one is at hand before the last one has ended.
  await Promise.all(Array.from({ length: 4 }, () => database.query('SELECT 1')))
  const id = `octavo:${systemClock.uuid()}`
  for (let i = 0; i < 20; i++) {
    const isWrong = i % 2 === 0
    const failing = database.prepare(id, async (tx) => {
      await tx.execute(isWrong ? 'UPDATE things SET n = -1' : 'UPDATE things SET n = n - 1')
      throw new SerializationFailure('it wants to begin again')
    })
    await assert.rejects(failing, isWrong ? ConstraintViolation : SerializationFailure)
    await database.prepare(id, async () => ({ kind: 'nothing' }))
  }
  await database.prepare(id, async (tx) => {
    await tx.execute('UPDATE things SET n = n - 1')
    return { kind: 'prepared' }
  })
  // One that is prepared is not touched by somebody who cannot begin under its id.
  await assert.rejects(database.prepare(id, (tx) => tx.query('SELECT 1').then(() => ({ kind: 'nothing' }))))
  assert.deepEqual(await database.prepared.inDoubt(), [id])
  assert.equal(await database.prepared.commit(id), 'done')
  assert.deepEqual(await database.query('SELECT n FROM things'), [{ n: 4 }])
})

test('what is said to be committed is, however busy the server is with connections that come and go', {
  skip: mariadbMissing(),
}, async (t) => {
  const { url } = await testMariadb(t, 'busy')
  await using database = await openDatabase(url, { applicationName: 'test' })
  await using finishing = await openDatabase(url, { applicationName: 'finishing' })
  await database.execute('CREATE TABLE things (n int NOT NULL)')
  await database.execute('INSERT INTO things VALUES (0)')
  let isOver = false
  t.after(() => {
    isOver = true
  })
  const passers = Array.from({ length: 12 }, async () => {
    while (!isOver) {
      await using passer = await openDatabase(url, { applicationName: 'passer' })
      await passer.query('SELECT 1')
    }
  })
  for (let n = 1; n <= commitsCount; n++) {
    const id = `octavo:${systemClock.uuid()}`
    await database.prepare(id, async (tx) => {
      await tx.execute('UPDATE things SET n = n + 1')
      return { kind: 'prepared' }
    })
    assert.equal(await finishing.prepared.commit(id), 'done')
  }
  isOver = true
  await Promise.all(passers)
  assert.deepEqual(await database.query('SELECT n FROM things'), [{ n: commitsCount }])
})
