import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { testServers } from '../../../test/support/database.ts'
import { until } from '../../../test/support/until.ts'
import { type Database, DatabaseUnavailable } from './database.ts'
import { openPostgres } from './postgres.ts'

test('a commit whose wait for replicas is cut off is unknown, though the server says that all went well', async (t) => {
  const [server] = await testServers(t, 1)
  const url = server?.url('postgres') ?? ''
  const [database, other] = [await open(t, url), await open(t, url)]
  await database.execute('CREATE TABLE things (n int PRIMARY KEY)')
  await database.execute('CREATE TABLE probes (n int)')
  await other.execute(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`)
  await other.query('SELECT pg_reload_conf()')
  // The server heeds it a moment later: what is committed before that waits for nobody.
  await until(async () => {
    const probe = database.execute('INSERT INTO probes (n) VALUES (1)').then(
      () => 'acknowledged',
      () => 'unknown',
    )
    if ((await Promise.race([probe, sleep(200, 'waits')])) === 'acknowledged') return false
    await other.query(cancelWaiting)
    return (await probe) === 'unknown'
  }, 'commits wait for somebody')
  const ways: [string, () => Promise<unknown>][] = [
    ['a statement alone', () => database.execute('INSERT INTO things (n) VALUES (1)')],
    ['a transaction', () => database.transaction((tx) => tx.execute('INSERT INTO things (n) VALUES (2)'))],
  ]
  for (const [what, write] of ways) {
    const outcome = write().then(
      () => 'acknowledged',
      (error: Error) => error,
    )
    await until(async () => (await other.query(waiting)).length > 0, `${what} waits`)
    await other.query(cancelWaiting)
    const unknown = await outcome
    assert.ok(unknown instanceof DatabaseUnavailable, `${what}: ${unknown}`)
    assert.match(unknown.message, /unknown/)
  }
  // Read again by its key, as whoever wrote it would.
  assert.deepEqual(await other.query('SELECT n FROM things ORDER BY n'), [{ n: 1 }, { n: 2 }])
})

test('of several servers the one that takes writes is found, past one that is dead and one that says nothing', async (t) => {
  const [server] = await testServers(t, 1)
  const live = new URL(server?.url('postgres') ?? '')
  const callers: Socket[] = []
  const silent = createServer((caller) => callers.push(caller)).listen(0, '127.0.0.1')
  t.after(() => {
    silent.close()
    for (const caller of callers) caller.destroy()
  })
  await until(() => silent.listening)
  const folder = live.searchParams.get('host') ?? ''
  const { port } = silent.address() as { port: number }
  live.searchParams.set('host', `127.0.0.1,/nowhere,${folder}`)
  live.searchParams.set('port', `${port},5432,5432`)
  const database = await open(t, live.href)
  assert.deepEqual(await database.query('SELECT 1 AS one'), [{ one: 1 }])
  await server?.kill()
  await assert.rejects(database.query('SELECT 1'), DatabaseUnavailable)
  await server?.start()
  assert.deepEqual(await database.query('SELECT 1 AS one'), [{ one: 1 }])
})

const waiting = `SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'`
const cancelWaiting = `SELECT pg_cancel_backend(pid) FROM (${waiting}) AS waiting`

async function open(t: TestContext, url: string): Promise<Database> {
  const database = await openPostgres(url, { applicationName: 'test' })
  t.after(() => database[Symbol.asyncDispose]())
  return database
}
