import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { databaseState, openDatabase, openReads } from '#ports/database'
import { PromotionRefused, promoteMariadb } from '../../src/local/replicas/promote-mariadb.ts'
import { mariadbSkipped } from '../support/mariadb.ts'
import { until } from '../support/until.ts'
import { startMariadbCluster } from './mariadb-cluster.ts'
import { writeAll } from './writers.ts'

test('MariaDB, semi-synchronous: a primary that is killed is replaced, and nothing acknowledged or prepared is lost', {
  skip: mariadbSkipped,
}, async (t) => {
  const { url, addresses, servers } = await startMariadbCluster(t, 3)
  await using database = await openDatabase(url, { applicationName: 'test' })
  await database.execute('CREATE TABLE kept (n int PRIMARY KEY)')
  const writer = writeAll(database, 'kept', 1)
  t.after(() => writer.stop())
  await writer.more(30)
  await database.prepare('survives', async (tx) => {
    await tx.execute('INSERT INTO kept (n) VALUES (-1)')
    return { kind: 'prepared' }
  })
  writer.outageMs()
  process.kill(servers[0]?.pid ?? 0, 'SIGKILL')
  const { primary, tookMs, silent } = await promoteMariadb(addresses)
  assert.equal(silent.length, 1, 'the one that was killed is named')
  await writer.more(30)
  t.diagnostic(`${primary} after ${tookMs} ms, ${Math.round(writer.outageMs())} ms without a write`)
  await writer.stop()
  assert.deepEqual(await database.prepared.inDoubt(), ['survives'])
  await database.prepared.commit('survives')
  const rows = await database.query<{ n: number }>('SELECT n FROM kept')
  const kept = new Set(rows.map(({ n }) => n))
  assert.deepEqual(
    writer.acknowledged.filter((n) => !kept.has(n)),
    [],
  )
  assert.ok(kept.has(-1), 'what was prepared at the old primary was committed at the new one')

  const { servers: standing } = await databaseState('book-db', url)
  assert.deepEqual(standing.map(({ state }) => state).sort(), ['away', 'primary', 'replica'])
  // Every replica has to be asked, and one of two has gone with the old primary.
  await assert.rejects(promoteMariadb(addresses), PromotionRefused)
  await using reads = await openReads(url, database, { applicationName: 'reads' })
  for (let n = 2_000_000; n < 2_000_020; n++) {
    await database.execute('INSERT INTO kept (n) VALUES (?)', [n])
    const reading = await reads.reading()
    assert.equal((await reading.query('SELECT n FROM kept WHERE n = ?', [n])).length, 1)
  }
  await until(async () => {
    await (await reads.reading()).query('SELECT 1')
    return reads.counts().replica > 0
  }, 'the replica is read from')
})

test('a MariaDB server that a client passes over on its way to the primary writes down no connection that was cut off', {
  skip: mariadbSkipped,
}, async (t) => {
  const { url, sql } = await startMariadbCluster(t, 2)
  const counted = async (name: string) => {
    const [rows] = await sql(1, `SHOW GLOBAL STATUS LIKE '${name}'`)
    return Number((rows as { Value: string }[])[0]?.Value)
  }
  const before = await counted('Aborted_clients')
  for (let i = 0; i < 3; i++) {
    await using database = await openDatabase(url, { applicationName: 'test', connectionsMax: 1 })
    await database.query('SELECT 1')
  }
  // Who asks is one of them.
  await until(async () => (await counted('Threads_connected')) === 1, 'who was passed over has gone')
  assert.equal(await counted('Aborted_clients'), before)
})

test('a MariaDB primary that is frozen and comes back is passed over for the one that replicas follow', {
  skip: mariadbSkipped,
}, async (t) => {
  const { url, addresses, servers, sql } = await startMariadbCluster(t, 3)
  await sql(0, 'CREATE TABLE books.kept (n int PRIMARY KEY)')
  process.kill(servers[0]?.pid ?? 0, 'SIGSTOP')
  // By the command, as an operator would.
  const said = await octavo({ OCTAVO_BOOK_DB: url.replace('shop:', 'keeper:') }, 'databases', 'promote')
  assert.match(said, /is the primary now/)
  assert.match(said, new RegExp(`:${addresses[0]?.port}: .*end it first`))
  process.kill(servers[0]?.pid ?? 0, 'SIGCONT')
  const isBack = async () => Number((await oneOf(sql(0, 'SELECT @@read_only AS value'))) ?? 1) === 0
  assert.ok(await isBack(), 'it takes itself for the primary')
  for (let n = 1; n <= 10; n++) {
    await using database = await openDatabase(url, { applicationName: 'test' })
    await database.execute(`INSERT INTO kept (n) VALUES (${n})`)
  }
  await assert.rejects(
    octavo({ OCTAVO_BOOK_DB: url }, 'databases', 'promote'),
    /shop may not administer replication/,
  )
})

async function octavo(env: Record<string, string>, ...args: string[]): Promise<string> {
  const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
  const options = { env: { PATH: process.env.PATH, ...env } }
  return (await promisify(execFile)(process.execPath, [main, ...args], options)).stdout
}

async function oneOf(results: Promise<unknown[]>): Promise<unknown> {
  const [rows] = (await results) as { value: unknown }[][]
  return rows?.[0]?.value
}

test('the control: without semi-synchronous replication what was acknowledged is lost, and the check says so', {
  skip: mariadbSkipped,
}, async (t) => {
  const { url, addresses, servers, sql } = await startMariadbCluster(t, 3)
  await using database = await openDatabase(url, { applicationName: 'test' })
  await database.execute('CREATE TABLE kept (n int PRIMARY KEY)')
  await sql(0, 'SET GLOBAL rpl_semi_sync_master_enabled = OFF')
  // Replicas that the network keeps from receiving.
  for (const replica of [1, 2]) await sql(replica, 'STOP SLAVE IO_THREAD')
  const writer = writeAll(database, 'kept', 1)
  t.after(() => writer.stop())
  await writer.more(20)
  await writer.stop()
  process.kill(servers[0]?.pid ?? 0, 'SIGKILL')
  await promoteMariadb(addresses)
  const isKept = async () =>
    (await database.query<{ n: number }>('SELECT n FROM kept').catch(() => undefined)) ?? []
  assert.ok((await isKept()).length < writer.acknowledged.length, 'acknowledged rows are gone')
})
