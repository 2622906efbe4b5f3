import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mariadbTestServer } from '../../../../test/support/mariadb.ts'
import { mariadbMissing } from '../../../../test/support/mariadb-server.ts'
import { until } from '../../../../test/support/until.ts'
import { openDatabase } from '../port.ts'
import { askState } from './database-state.ts'

test('a server that is asked how it stands writes down no connection that was cut off', {
  skip: mariadbMissing(),
}, async (t) => {
  const server = await mariadbTestServer(t)
  await server.ensureDatabase('asked')
  const url = server.url('asked')
  await using database = await openDatabase(url, { applicationName: 'test', connectionsMax: 1 })
  const counted = async (name: string) => {
    const [row] = await database.query<{ Value: string }>(`SHOW GLOBAL STATUS LIKE '${name}'`)
    return Number(row?.Value)
  }
  const before = await counted('Aborted_clients')
  for (let i = 0; i < 3; i++)
    assert.equal((await askState('books', url, 10_000)).servers[0]?.state, 'primary')
  await until(async () => (await counted('Threads_connected')) === 1, 'who asked has gone')
  assert.equal(await counted('Aborted_clients'), before)
})
