import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databaseStateRoute } from '#kernel/database-state'
import { systemClock } from '#ports/clock'
import { databaseState, openDatabase } from '#ports/database'
import { callHeader, callSigner, createHttpServer } from '#ports/http'
import { metricsOf } from '#ports/telemetry'
import { testDatabase } from '../../test/support/database.ts'
import { until } from '../../test/support/until.ts'
import { watchDatabase } from './database-watch.ts'

test('a role shows how the servers of its database stand, and its archive, in numbers and on request', async (t) => {
  const { url } = await testDatabase(t, 'watch')
  await using database = await openDatabase(url, { applicationName: 'test' })
  await database.execute('CREATE SCHEMA octavo_archive')
  await database.execute(
    `CREATE TABLE octavo_archive.state AS SELECT 1 AS id, timestamptz '2026-11-28 20:15:00Z' AS reaches_to,
       timestamptz '2026-11-28 03:00:00Z' AS base_at, 'no room'::text AS problem`,
  )
  const server = createHttpServer({ name: 'watched', secret: 'a secret' })
  t.after(() => server[Symbol.asyncDispose]())
  await using _watch = watchDatabase({ role: 'watched', name: 'book-db', url, clock: systemClock, server })
  const at = await server.listen({ host: '127.0.0.1', port: 0 })
  await until(() => /octavo_archive_failing/.test(String(metricsOf('watched').body)), 'the first look')
  const numbers = String(metricsOf('watched').body)
  assert.match(numbers, /octavo_database_server_primary\{database="book-db",server="[^"]+"\} 1/)
  assert.match(numbers, /octavo_archive_failing\{database="book-db"\} 1/)
  assert.match(numbers, /octavo_archive_reaches_timestamp_seconds\{database="book-db"\} 1795896900/)
  assert.match(numbers, /octavo_database_timeline\{database="book-db"\} 1/)

  const asked = await fetch(at + databaseStateRoute.path, {
    headers: { [callHeader]: callSigner('a secret').call('GET', databaseStateRoute.path, null) },
  })
  const state = (await asked.json()) as { archive: { problem: string }; servers: { state: string }[] }
  assert.deepEqual(
    [asked.status, state.archive.problem, state.servers[0]?.state],
    [200, 'no room', 'primary'],
  )
})

test('a server that does not answer is away, and says nothing of what it last said', async () => {
  const state = await databaseState('book-db', 'postgres://nobody@127.0.0.1:1,127.0.0.1:2/books')
  assert.deepEqual(
    state.servers.map((each) => each.state),
    ['away', 'away'],
  )
  assert.deepEqual([state.timeline, state.archive], [null, null])
})
