import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { dayMs } from '#kernel/day'
import { type Database, openDatabase } from '#ports/database'
import { layServers } from '../../../test/support/database.ts'
import { type Contents, databaseNames, passwordIn, restoredContents } from '../../../test/support/restored.ts'
import { s3Missing, stopSharedS3, testBucket } from '../../../test/support/s3.ts'
import { openSeller } from '../../../test/support/seller.ts'
import { until } from '../../../test/support/until.ts'
import { SealBroken } from '../backup/sealed-file.ts'
import { readSuccession } from '../replicas/succession-record.ts'
import { superviseDatabase } from '../supervised-database.ts'
import { LogGap } from './archive.ts'
import { ArchiveTaken, openArchiver } from './archiver.ts'
import { OutOfReach, restoreArchive, verifyArchive } from './restore-archive.ts'

const key = 'a key for tests'

after(stopSharedS3)

test('a restore to any moment has every order acknowledged before it, and none whose copies were not taken', async (t) => {
  const { folder, archive, open, sell, acknowledged } = await startStore(t, 0)
  const archiver = await open(archive)
  for (let i = 0; i < 20; i++) await sell()
  await archiver.round()
  const selling = sell.untilStopped()
  const moments: { at: string; count: number }[] = []
  for (let i = 0; i < 2; i++) {
    await sleep(30)
    const count = acknowledged.length
    await sleep(2)
    moments.push({ at: new Date().toISOString(), count })
    await archiver.round()
  }
  await selling.stop()
  const last = acknowledged.length
  await archiver.round()

  for (const [index, { at, count }] of moments.entries()) {
    const to = join(folder, `restored-${index}`)
    await restoreArchive({ place: archive, key }, { at: new Date(at), to })
    const found = await contents(t, to)
    checkConsistent(found, acknowledged.slice(0, count))
    assert.ok(found.decisions.length < last, 'what came long after is not there')
  }
  const verified = await verifyArchive({ place: archive, key })
  assert.ok(verified.bases === 1 && verified.pieces > 4, JSON.stringify(verified))
  await assert.rejects(
    restoreArchive({ place: archive, key }, { at: new Date(0), to: join(folder, 'x') }),
    OutOfReach,
  )
  const future = new Date(Date.now() + dayMs)
  await assert.rejects(
    restoreArchive({ place: archive, key }, { at: future, to: join(folder, 'x') }),
    /reaches to/,
  )
  await refusesDamage(archive, folder)
})

test('an archive goes on over a failover, and what was acknowledged by either primary is restored', async (t) => {
  const { folder, archive, open, sell, acknowledged, sets } = await startStore(t, 2)
  const archiver = await open(archive)
  for (let i = 0; i < 10; i++) await sell()
  await archiver.round()
  for (let i = 0; i < 10; i++) await sell()
  const followers = (name: string) => readSuccession(join(folder, 'data', name))?.followers.length
  const allFollow = () => Object.keys(databaseNames).every((name) => followers(name) === 2)
  await until(allFollow, 'all replicas follow', 90_000)
  for (const set of sets) {
    const before = set.servers.find(({ process }) => process)?.process
    assert.ok(before)
    process.kill(before.pid, 'SIGKILL')
  }
  // What is under way when a primary is lost may fail, and is acknowledged to nobody.
  for (let i = 0; i < 20; i++) await sell().catch(() => undefined)
  // A primary that changes in the middle of a round fails it; the next one goes on.
  for (let tries = 0; ; tries++)
    try {
      await archiver.round()
      break
    } catch (error) {
      if (tries > 20) throw error
      await sleep(100)
    }
  const to = join(folder, 'restored')
  await restoreArchive({ place: archive, key }, { at: undefined, to })
  checkConsistent(await contents(t, to), acknowledged)
})

test('a log that is lost to the archive is noticed, and a new base begins', async (t) => {
  const { folder, archive, open, sell, acknowledged } = await startStore(t, 0)
  const archiver = await open(archive)
  await sell()
  await archiver.round()
  await verifyArchive({ place: archive, key })
  const pieces = join(archive, 'log', 'book-db')
  for (const piece of readdirSync(pieces)) rmSync(join(pieces, piece))
  await assert.rejects(verifyArchive({ place: archive, key }), LogGap)
  await archiver[Symbol.asyncDispose]()
  const again = await open(archive)
  await sell()
  await again.round()
  const to = join(folder, 'restored')
  await restoreArchive({ place: archive, key }, { at: undefined, to })
  checkConsistent(await contents(t, to), acknowledged)
  await assert.rejects(open(archive, 'another'), ArchiveTaken)
})

test('bases and log that are older than they are kept for go', async (t) => {
  const { archive, open, sell } = await startStore(t, 0)
  const archiver = await open(archive)
  await sell()
  await archiver.round()
  const before = readdirSync(join(archive, 'base'))
  archiver.wantBase()
  await archiver.round()
  const now = readdirSync(join(archive, 'base')).filter((id) => existsSync(join(archive, 'base', id, 'note')))
  assert.equal(now.length, 1)
  assert.notDeepEqual(now, before)
  assert.equal((await verifyArchive({ place: archive, key })).bases, 1)
})

test('an object store keeps an archive as a folder does', { skip: s3Missing() }, async (t) => {
  const { folder, open, sell, acknowledged } = await startStore(t, 0)
  const { url, server } = await testBucket(t)
  const archiver = await open(url)
  for (let i = 0; i < 10; i++) await sell()
  await archiver.round()
  await server.kill()
  await sell()
  await assert.rejects(archiver.round())
  await server.start()
  await archiver.round()
  const to = join(folder, 'restored')
  await restoreArchive({ place: url, key }, { at: undefined, to })
  checkConsistent(await contents(t, to), acknowledged)
})

test('by command: a backup into a bucket is whole, and restored to what was acknowledged', {
  skip: s3Missing(),
}, async (t) => {
  const { folder, urls, sell, acknowledged } = await startStore(t, 0)
  const { url } = await testBucket(t)
  const octavo = async (...args: string[]) => {
    const main = join(import.meta.dirname, '..', '..', 'main.ts')
    const env = {
      ...{ PATH: process.env.PATH, OCTAVO_DATA: join(folder, 'data'), OCTAVO_SECRET: 'secret' },
      ...{ OCTAVO_BOOK_DB: urls['book-db'], OCTAVO_ORDER_DB: urls['order-db'] },
      OCTAVO_DISCOVERY: 'registry://127.0.0.1:1',
    }
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], { env })
    assert.doesNotMatch(stdout, /secret-of/, 'the keys of the bucket are not said')
    return stdout
  }
  for (let i = 0; i < 10; i++) await sell()
  assert.match(await octavo('backup', url), /holds both databases as they were at 20/)
  assert.match(await octavo('verify-backup', url), /The archive is whole/)
  const to = join(folder, 'restored')
  await octavo('restore', url, '--to', to)
  const found = await contents(t, to)
  checkConsistent(found, acknowledged)
})

/** A changed bit in a base or the log: nothing is restored, and nothing is left of the try. */
async function refusesDamage(archive: string, folder: string): Promise<void> {
  const [id = ''] = readdirSync(join(archive, 'base'))
  const piece =
    readdirSync(join(archive, 'log', 'order-db'))
      .sort()
      .at(-1) ?? ''
  for (const name of [`base/${id}/000001`, `base/${id}/note`, `log/order-db/${piece}`, 'reach']) {
    const path = join(archive, name)
    const whole = readFileSync(path)
    const flipped = Buffer.from(whole)
    const at = Math.floor(whole.length / 2)
    flipped[at] = (flipped[at] ?? 0) ^ 1
    writeFileSync(path, flipped)
    const to = join(folder, 'never')
    await assert.rejects(verifyArchive({ place: archive, key }), SealBroken, name)
    if (name.startsWith('log'))
      await assert.rejects(restoreArchive({ place: archive, key }, { at: undefined, to }), SealBroken, name)
    assert.ok(!existsSync(to) && !existsSync(`${to}.restoring`))
    writeFileSync(path, whole)
  }
  await assert.rejects(verifyArchive({ place: archive, key: 'another key' }), SealBroken)
}

/** What is in doubt is finished by what was decided; what was finished has been decided. */
function checkConsistent({ moves, inDoubt, decisions }: Contents, acknowledged: readonly number[]): void {
  const kept = new Set(decisions)
  assert.deepEqual(
    acknowledged.filter((each) => !kept.has(each)),
    [],
    'acknowledged and lost',
  )
  assert.deepEqual(
    moves.filter((each) => !kept.has(each)),
    [],
    'copies moved for no order',
  )
  const held = new Set([...moves, ...inDoubt])
  assert.deepEqual(
    decisions.filter((each) => !held.has(each)),
    [],
    'orders without copies',
  )
}

async function startStore(t: TestContext, replicas: number) {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-archive-'))
  const dataPath = join(folder, 'data')
  await layServers(dataPath)
  const log = { say: () => {}, line: () => {} }
  const sets = await Promise.all(
    Object.entries(databaseNames).map(([name, database]) =>
      superviseDatabase({
        ...{ name, database, log, replicas },
        path: join(dataPath, name),
        password: passwordIn(dataPath, name),
        onChange: () => {},
      }),
    ),
  )
  const ends: (() => PromiseLike<unknown>)[] = []
  t.after(async () => {
    for (const end of ends) await end()
    await Promise.all(sets.flatMap(({ servers }) => servers.map((server) => server.stop(5_000))))
    rmSync(folder, { recursive: true, force: true })
  })
  const [first, second] = sets.map(({ url }) => url)
  const urls = { 'book-db': first ?? '', 'order-db': second ?? '' }
  const connect = async (url: string): Promise<Database> => {
    const database = await openDatabase(url, { applicationName: 'test' })
    ends.push(() => database[Symbol.asyncDispose]())
    return database
  }
  const [books, orders] = [await connect(urls['book-db']), await connect(urls['order-db'])]
  const open = async (place: string, data = 'data') => {
    const own = join(folder, data)
    mkdirSync(join(own, 'secrets'), { recursive: true })
    const source = { dataPath: own, urls }
    const archiver = await openArchiver({
      ...{ source, place, key, version: '0', baseEveryMs: dayMs, keepMs: 0 },
      say: (text, problem) => t.diagnostic(problem ? `${text}: ${problem.message}` : text),
    })
    ends.unshift(() => archiver[Symbol.asyncDispose]())
    return archiver
  }
  return { folder, urls, archive: join(folder, 'archive'), sets, open, ...(await openSeller(books, orders)) }
}

async function contents(t: TestContext, dataPath: string): Promise<Contents> {
  const found = await restoredContents(dataPath)
  t.diagnostic(`${found.decisions.length} decided, ${found.inDoubt.length} in doubt`)
  return found
}
