import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Database, openDatabase } from '#ports/database'
import { layServers } from '../../../test/support/database.ts'
import { databaseNames, passwordIn, restoredContents } from '../../../test/support/restored.ts'
import { openSeller } from '../../../test/support/seller.ts'
import { until } from '../../../test/support/until.ts'
import { supervisePostgres } from '../supervised-postgres.ts'
import { type Entry, packed } from './entries.ts'
import { restoreBackup, verifyBackup } from './restore-backup.ts'
import { SealBroken, writeAll, writeSealed } from './sealed-file.ts'
import { takeBackup } from './take-backup.ts'

const key = 'a key for tests'

test('a restore brings both databases back as they were at one moment, all that was acknowledged before included', async (t) => {
  const { folder, dataPath, urls } = await startDatabases(t)
  const [books, orders] = [await open(t, urls['book-db']), await open(t, urls['order-db'])]
  const { acknowledged, sell } = await openSeller(books, orders)
  for (let i = 0; i < 20; i++) await sell()
  const before = acknowledged.length
  const selling = sell.untilStopped()
  const path = join(folder, 'backup')
  await takeBackup({ dataPath, urls }, { path, key, version: '0' })
  await selling.stop()
  assert.ok(acknowledged.length > before, 'selling went on meanwhile')

  const restored = join(folder, 'restored')
  await restoreBackup(path, key, restored)
  const found = await restoredContents(restored)
  t.diagnostic('both servers start on what was restored')
  const kept = new Set(found.decisions)
  assert.deepEqual(
    acknowledged.slice(0, before).filter((each) => !kept.has(each)),
    [],
  )
  // What is in doubt is finished by what was decided; what was finished has been decided.
  assert.deepEqual(
    found.moves.filter((each) => !kept.has(each)),
    [],
  )
  const held = new Set([...found.moves, ...found.inDoubt])
  assert.deepEqual(
    found.decisions.filter((each) => !held.has(each)),
    [],
  )
  t.diagnostic(
    `${before} before, ${acknowledged.length} in all, ${found.decisions.length} restored, ${found.inDoubt.length} in doubt`,
  )

  await assert.rejects(restoreBackup(path, key, restored), /is not empty/)
  await refusesDamage(path, folder)
})

test('a backup or a restore that is stopped leaves nothing, and the store goes on', async (t) => {
  const { folder, dataPath, urls } = await startDatabases(t)
  const path = join(folder, 'backup')
  const before = readdirSync(folder).sort()
  const stopped = new AbortController()
  const onProgress = () => stopped.abort()
  const options = { path, key, version: '0' }
  await assert.rejects(
    takeBackup({ dataPath, urls }, { ...options, onProgress, stop: stopped.signal }),
    /it was stopped/,
  )
  assert.deepEqual(readdirSync(folder).sort(), before)
  await takeBackup({ dataPath, urls }, options)
  const to = join(folder, 'restored')
  for (const reached of ['restored.restoring', 'restored.restoring/book-db/data/recovery.signal']) {
    const stop = new AbortController()
    const restoring = restoreBackup(path, key, to, stop.signal)
    await until(() => existsSync(join(folder, reached)), `the restore comes to ${reached}`)
    stop.abort()
    await assert.rejects(restoring, /it was stopped/)
    assert.deepEqual(readdirSync(folder).sort(), ['backup', ...before].sort())
  }
})

test('a backup that breaks off leaves no file, and says why', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-backup-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const breaks = async function* (): AsyncGenerator<Entry> {
    yield { path: 'whole', content: Buffer.from('a file') }
    throw new Error('the connection was lost')
  }
  await assert.rejects(writeSealed(join(folder, 'backup'), key, packed(breaks())), /connection was lost/)
  assert.deepEqual(readdirSync(folder), [])
})

test('what a write had no room for is written, or fails', async () => {
  const written: Buffer[] = []
  let roomBytes = 10
  const file = {
    // A disk that is nearly full takes a part and says so only by a number.
    write: async (bytes: Buffer, from: number) => {
      if (roomBytes === 0) throw new Error('ENOSPC')
      const part = bytes.subarray(from, from + Math.min(4, roomBytes))
      roomBytes -= part.length
      written.push(Buffer.from(part))
      return { bytesWritten: part.length }
    },
  } as unknown as Parameters<typeof writeAll>[0]
  await writeAll(file, Buffer.from('whole'))
  assert.equal(Buffer.concat(written).toString(), 'whole')
  await assert.rejects(writeAll(file, Buffer.from('longer')), /ENOSPC/)
})

/** A changed bit anywhere, a missing end, another key: none of it restores anything. */
async function refusesDamage(path: string, folder: string): Promise<void> {
  assert.deepEqual((await verifyBackup(path, key)).databases, ['book-db', 'order-db'])
  const whole = readFileSync(path)
  const damaged = join(folder, 'damaged')
  for (const at of [3, 20, Math.floor(whole.length / 2), whole.length - 1]) {
    const flipped = Buffer.from(whole)
    flipped[at] = (flipped[at] ?? 0) ^ 1
    writeFileSync(damaged, flipped)
    await assert.rejects(verifyBackup(damaged, key), SealBroken, `byte ${at}`)
  }
  writeFileSync(damaged, whole.subarray(0, -100))
  const target = join(folder, 'never')
  await assert.rejects(restoreBackup(damaged, key, target), SealBroken)
  await assert.rejects(verifyBackup(path, 'another key'), SealBroken)
  assert.ok(!existsSync(target) && !readdirSync(folder).includes('never.restoring'))
}

async function startDatabases(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-backup-'))
  const dataPath = join(folder, 'data')
  await layServers(dataPath)
  const log = { say: () => {}, line: () => {} }
  const servers = await Promise.all(
    Object.entries(databaseNames).map(([name, database]) =>
      supervisePostgres({
        ...{ name, database, log },
        path: join(dataPath, name),
        password: passwordIn(dataPath, name),
        onChange: () => {},
      }),
    ),
  )
  t.after(async () => {
    await Promise.all(servers.map((server) => server.stop(5_000)))
    rmSync(folder, { recursive: true, force: true })
  })
  const [first, second] = servers.map(({ url }) => url)
  return { folder, dataPath, urls: { 'book-db': first ?? '', 'order-db': second ?? '' } }
}

async function open(t: TestContext, url: string): Promise<Database> {
  const database = await openDatabase(url, { applicationName: 'test' })
  t.after(() => database[Symbol.asyncDispose]())
  return database
}
