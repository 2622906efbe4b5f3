import assert from 'node:assert/strict'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Database, DatabaseUnavailable } from '#ports/database'
import { lost, send, startSet } from '../../../test/support/replicated-set.ts'
import { until } from '../../../test/support/until.ts'
import { readSuccession } from './succession-record.ts'

/** Servers that are ended because they froze begin anew, five of them at once on a busy machine. */
const quorumLimitMs = 90_000

test('a primary that dies or freezes, or hands over, loses nothing that was acknowledged', async (t) => {
  const { database, path, primary, signal, replaced, allFollow } = await startSet(t)
  await database.execute('CREATE TABLE kept (n int PRIMARY KEY)')
  const writing = writeAll(t, database)
  await allFollow()

  await database.prepare('survives', async (tx) => {
    await tx.execute('INSERT INTO kept (n) VALUES (-1)')
    return { kind: 'prepared' }
  })
  await atLeast(writing, 50)
  let old = primary()
  // The replicas lag behind, so that a commit that did not wait for them would be lost.
  signal(old, 'SIGSTOP', /walsender/)
  await sleep(300)
  signal(old, 'SIGKILL')
  await replaced(old)

  await atLeast(writing, 100)
  await allFollow()
  old = primary()
  signal(old, 'SIGSTOP')
  await replaced(old)

  await atLeast(writing, 150)
  await allFollow()
  old = primary()
  writeFileSync(join(path, 'switchover.json'), '{}')
  await replaced(old)
  await atLeast(writing, 200)

  const acknowledged = await writing.end()
  t.diagnostic(
    `${acknowledged.length} rows; longest time without one ${Math.round(writing.longestGapMs())} ms`,
  )
  assert.deepEqual(await lost(database, acknowledged), [])
  assert.deepEqual(await database.prepared.inDoubt(), ['survives'])
  assert.equal(await database.prepared.commit('survives'), 'done')
  assert.deepEqual(await lost(database, [-1]), [])
  await allFollow()
})

test('a next primary that fails on its way, and servers whose folders go, lose nothing either', async (t) => {
  const { database, path, primary, signal, replaced, allFollow } = await startSet(t)
  await database.execute('CREATE TABLE kept (n int PRIMARY KEY)')
  const writing = writeAll(t, database)
  await atLeast(writing, 20)
  await allFollow()
  const folderOf = (number: number) => (number === 1 ? path : `${path}.${number}`)

  // One replica is further than the others, so that it is chosen, and then cannot write the first file of its own.
  let old = primary()
  const chosen = old === 5 ? 4 : 5
  const others = await database.query<{ pid: number }>(
    'SELECT pid FROM pg_stat_replication WHERE application_name <> $1',
    [`book-db.${chosen}`],
  )
  for (const { pid } of others) send(pid, 'SIGSTOP')
  await sleep(100)
  renameSync(join(folderOf(chosen), 'data', 'pg_wal'), join(folderOf(chosen), 'gone'))
  signal(old, 'SIGKILL')
  await replaced(old)
  await until(() => ![old, chosen].includes(primary()), 'neither the old one nor the one that failed')
  await atLeast(writing, writing.count() + 20)
  await allFollow()

  old = primary()
  const replica = [1, 2, 3, 4, 5].find((number) => number !== old) ?? 0
  remove(folderOf(replica))
  await until(() => !readSuccession(path)?.followers.includes(replica), 'it is no follower any more')
  await allFollow()
  remove(folderOf(old))
  await replaced(old)
  await atLeast(writing, writing.count() + 20)
  assert.deepEqual(await lost(database, await writing.end()), [])
})

test('sessions that are frozen and outlive their primary keep nobody from its place, nor it from coming back', async (t) => {
  const { database, path, primary, signal, replaced, allFollow } = await startSet(t)
  await allFollow()
  const old = primary()
  signal(old, 'SIGSTOP', /walsender/)
  const server = readFileSync(join(path, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]
  const struckMs = performance.now()
  process.kill(Number(server), 'SIGKILL')
  await replaced(old)
  t.diagnostic(`another one after ${Math.round(performance.now() - struckMs)} ms`)
  assert.ok((await database.query('SELECT 1')).length === 1)
  await allFollow()
})

test('a primary whose disk is full gives way to a replica that has room, and not where none has', async (t) => {
  const full = new Set<number>()
  const { database, primary, replaced, allFollow } = await startSet(t, {}, (number) =>
    full.has(number) ? 0 : 1e9,
  )
  await allFollow()
  await database.execute('CREATE TABLE kept (n int PRIMARY KEY)')
  const writing = writeAll(t, database)
  await atLeast(writing, 20)
  const old = primary()
  for (const number of [1, 2, 3, 4, 5]) full.add(number)
  await atLeast(writing, writing.count() + 50)
  assert.equal(primary(), old, 'where none has room nobody is better off')
  full.clear()
  full.add(old)
  await replaced(old)
  await atLeast(writing, writing.count() + 20)
  assert.deepEqual(await lost(database, await writing.end()), [])
})

test('without a quorum of replicas writes are refused and reads go on, and both come back by themselves', async (t) => {
  const { database, primary, signal, allFollow } = await startSet(t)
  await allFollow()
  await database.execute('CREATE TABLE kept (n int PRIMARY KEY)')
  const replicas = [1, 2, 3, 4, 5].filter((number) => number !== primary())
  // Frozen ones are ended and started again after a while, so they are struck until the refusal is seen.
  const freezing = setInterval(() => {
    for (const number of replicas.slice(0, 3)) signal(number, 'SIGSTOP')
  }, 100)
  t.after(() => clearInterval(freezing))
  await until(
    async () => {
      const refused = await database
        .execute('INSERT INTO kept (n) VALUES (1) ON CONFLICT DO NOTHING')
        .catch((error: Error) => error)
      return refused instanceof DatabaseUnavailable && /takes no writes/.test(refused.message)
    },
    'writes are refused',
    quorumLimitMs,
  )
  assert.equal((await database.query('SELECT 1 FROM kept WHERE n = 2')).length, 0)
  clearInterval(freezing)
  for (const number of replicas) signal(number, 'SIGCONT')
  await until(
    async () => {
      const written = await database
        .execute('INSERT INTO kept (n) VALUES (2) ON CONFLICT DO NOTHING')
        .catch(() => 'no')
      return written !== 'no'
    },
    'writes come back',
    quorumLimitMs,
  )
})

test('the same strikes lose acknowledged rows where commits do not wait for replicas', async (t) => {
  const { database, primary, signal, replaced, allFollow } = await startSet(t, {
    synchronous_commit: 'local',
  })
  await allFollow()
  await database.execute('CREATE TABLE kept (n int PRIMARY KEY)')
  const writing = writeAll(t, database)
  await atLeast(writing, 20)
  const old = primary()
  signal(old, 'SIGSTOP', /walsender/)
  const before = writing.count()
  await atLeast(writing, before + 50)
  signal(old, 'SIGKILL')
  await replaced(old)
  assert.notDeepEqual(await lost(database, await writing.end()), [])
})

/** All at once: what comes in its place is not removed as well. */
function remove(folder: string): void {
  renameSync(folder, `${folder}-gone`)
  rmSync(`${folder}-gone`, { recursive: true })
}

/** Several writers, each of which tries a number until it is told that it is there. */
function writeAll(t: TestContext, database: Database) {
  const acknowledged: number[] = []
  let next = 0
  let isOver = false
  let lastMs = performance.now()
  let longestMs = 0
  const writer = async () => {
    while (!isOver) {
      const n = next++
      while (!(await write(database, n)) && !isOver) await sleep(20)
      if (isOver) return
      acknowledged.push(n)
      longestMs = Math.max(longestMs, performance.now() - lastMs)
      lastMs = performance.now()
      await sleep(5)
    }
  }
  const writers = Array.from({ length: 4 }, writer)
  t.after(() => {
    isOver = true
  })
  return {
    count: () => acknowledged.length,
    longestGapMs: () => longestMs,
    async end() {
      isOver = true
      await Promise.all(writers)
      return acknowledged
    },
  }
}

/** A number is its own key: one whose outcome was unknown is simply written again. */
async function write(database: Database, n: number): Promise<boolean> {
  try {
    await database.execute('INSERT INTO kept (n) VALUES ($1) ON CONFLICT DO NOTHING', [n])
    return true
  } catch (error) {
    assert.ok(error instanceof DatabaseUnavailable, String(error))
    return false
  }
}

async function atLeast(writing: ReturnType<typeof writeAll>, rows: number): Promise<void> {
  await until(() => writing.count() >= rows, `${rows} rows`)
}
