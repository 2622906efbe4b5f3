import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { mariadbTestServer } from '../../../../test/support/mariadb.ts'
import { mariadbMissing } from '../../../../test/support/mariadb-server.ts'
import { DatabaseUnavailable, openDatabase } from '../port.ts'

test('a connection that is made for one who has given up goes to the next who waits', {
  skip: mariadbMissing(),
}, async (t) => {
  const server = await mariadbTestServer(t)
  await server.ensureDatabase('frozen')
  await using database = await openDatabase(server.url('frozen'), {
    ...{ applicationName: 'test', connectionsMax: 1, statementTimeoutMs: 2_400 },
  })
  await database.query('SELECT 1')
  await server.pause()
  // The only connection is given up after 4.4 s, and another one begun, which the second waits for until 5 s have gone by.
  const [first, second] = [database.query('SELECT SLEEP(2)'), database.query('SELECT 1')]
  const given = [assert.rejects(first, DatabaseUnavailable), assert.rejects(second, DatabaseUnavailable)]
  await sleep(3_000)
  const third = database.query('SELECT 1 AS n')
  await Promise.all(given)
  await server.resume()
  assert.deepEqual(await third, [{ n: 1 }])
})
