import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Database, databaseState, openDatabase, openReads, type Reading } from '#ports/database'
import { addressesIn } from '#ports/postgres'
import { childrenOf } from '../../src/local/process-identity.ts'
import { superviseReplicated } from '../../src/local/replicas/replicated-postgres.ts'
import { readSuccession } from '../../src/local/replicas/succession-record.ts'
import { createStockStore } from '../../src/services/catalog/store/postgres/stock.ts'
import { commitGroup } from '../../src/services/orders/commit-group.ts'
import { memberOf } from '../../src/services/orders/staff/sessions.ts'
import { until } from '../support/until.ts'

test('replicas that are held five seconds behind tell nobody that what was just written is not there', async (t) => {
  const { database, url, hold } = await startSet(t)
  await database.execute('CREATE TABLE books (n int PRIMARY KEY)')
  await using reads = await openReads(url, database, { applicationName: 'reads', lagMaxMs: 60_000 })
  const has = async (n: number, seen?: string) =>
    (await (await reads.reading(seen)).query('SELECT FROM books WHERE n = $1', [n])).length === 1

  await database.execute('INSERT INTO books VALUES (0)')
  await until(async () => (await has(0)) && reads.counts().replica > 0, 'a replica is read from')

  await hold(5_000)
  const before = await reads.seen()
  for (let n = 1; n <= 30; n++) {
    await database.execute('INSERT INTO books VALUES ($1)', [n])
    const seen = await reads.seen()
    assert.ok(await has(n), `${n}, by somebody who says nothing`)
    assert.ok(await has(n, seen), `${n}, by the one who has written it`)
  }
  const { primary } = reads.counts()
  assert.ok(primary >= 60, 'the primary has shown what no replica could')
  // The control: whoever asks for less than what was written is shown less, so that the replicas do lag.
  assert.equal(await has(30, before), false)
  assert.ok(reads.counts().primary === primary, 'that was a replica')
})

test('a replica that is further behind than the bound is left out', async (t) => {
  const { database, url, hold } = await startSet(t)
  await database.execute('CREATE TABLE books (n int PRIMARY KEY)')
  await using reads = await openReads(url, database, { applicationName: 'reads', lagMaxMs: 300 })
  const old = (await reads.seen()) ?? ''
  const isAtReplica = async () => {
    const before = reads.counts().replica
    await (await reads.reading(old)).query('SELECT FROM books', [])
    return reads.counts().replica > before
  }
  await until(isAtReplica, 'a replica is read from')
  await hold(5_000)
  await database.execute('INSERT INTO books VALUES (1)')
  await until(async () => {
    // Whoever asks what is newest makes known how far the primary is.
    await reads.reading()
    return !(await isAtReplica())
  }, 'nobody is sent to replicas that lag')
  const { servers } = await databaseState('book-db', url)
  assert.equal(servers.filter(({ state }) => state === 'replica').length, 2)
  assert.ok(servers.some(({ lagBytes }) => (lagBytes ?? 0) > 0))
})

test('while no primary answers, replicas show what they have and are not certain', async (t) => {
  const { database, url, set } = await startSet(t)
  await database.execute('CREATE TABLE books (n int PRIMARY KEY)')
  await database.execute('INSERT INTO books VALUES (1)')
  await using reads = await openReads(url, database, { applicationName: 'reads' })
  await until(async () => {
    await reads.reading()
    return reads.counts().replica > 0
  }, 'a replica is read from')
  const primary = set.servers[0]?.process?.pid ?? 0
  for (const pid of [primary, ...childrenOf(primary)]) process.kill(pid, 'SIGSTOP')
  const startedMs = performance.now()
  const reading = await reads.reading()
  const rows = await reading.query('SELECT FROM books', [])
  assert.deepEqual([rows.length, reading.isCertain], [1, false])
  assert.ok(performance.now() - startedMs < 1_500, 'nobody waits for the failover')
})

test('what decides cannot be given what only reads, and what only reads refuses to write', async (t) => {
  const { database, url } = await startSet(t)
  await using reads = await openReads(url, database, { applicationName: 'reads' })
  let reading: Reading = await reads.reading()
  await until(async () => {
    reading = await reads.reading()
    return reads.counts().replica > 0
  }, 'a replica is read from')
  await assert.rejects(reading.query('CREATE TABLE made (n int)', []), /takes no writes/)
  const compiles = async () => {
    // @ts-expect-error stock is moved at a primary
    createStockStore(reading, database.prepared)
    // @ts-expect-error orders and their keys are decided at a primary
    await commitGroup(reading, 'id', undefined as never, undefined as never)
    // @ts-expect-error who is who is decided at a primary
    await memberOf(reading, 'token')
  }
  assert.ok(compiles)
})

async function startSet(t: TestContext) {
  const path = join(mkdtempSync(join(tmpdir(), 'octavo-reads-')), 'book-db')
  const set = await superviseReplicated({
    ...{ name: 'book-db', database: 'books', path, password: 'secret', replicas: 2 },
    ...{ log: { say: () => {}, line: () => {} }, onChange: () => {} },
    settings: { shared_buffers: '16MB', fsync: 'off' },
  })
  await until(() => readSuccession(path)?.followers.length === 2, 'both replicas follow', 90_000)
  const database: Database = await openDatabase(set.url, { applicationName: 'test' })
  t.after(async () => {
    await database[Symbol.asyncDispose]()
    await Promise.all(set.servers.map((server) => server.stop(2_000)))
    rmSync(join(path, '..'), { recursive: true, force: true })
  })
  /** Replicas go on receiving, and show it so much later. */
  const hold = async (ms: number) => {
    for (const address of addressesIn(set.url)) {
      await using server = await openDatabase(address, { applicationName: 'test', connectionsMax: 1 })
      await server.execute(`ALTER SYSTEM SET recovery_min_apply_delay = ${ms}`)
      await server.query('SELECT pg_reload_conf()')
      const isSet = async () =>
        (await server.query<{ ms: string }>(`SELECT current_setting('recovery_min_apply_delay') AS ms`))[0]
          ?.ms === `${ms / 1000}s`
      await until(isSet, 'the delay is set')
    }
  }
  return { set, database, url: set.url, hold }
}
