import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { dayMs } from '#kernel/day'
import { databaseState } from '#ports/database'
import { askOnce } from '#ports/postgres'
import { checkConsistent, contents, key, startArchived } from '../../../test/support/archived-store.ts'
import { databaseNames } from '../../../test/support/restored.ts'
import { s3Missing, stopSharedS3, testBucket } from '../../../test/support/s3.ts'
import { until } from '../../../test/support/until.ts'
import { SealBroken } from '../backup/sealed-file.ts'
import { readSuccession } from '../replicas/succession-record.ts'
import { LogGap } from './archive.ts'
import { ArchiveTaken } from './archiver.ts'
import { momentIn, OutOfReach, restoreArchive, verifyArchive } from './restore-archive.ts'

after(stopSharedS3)

test('a restore to any moment has every order acknowledged before it, and none whose copies were not taken', async (t) => {
  const { folder, archive, open, sell, acknowledged } = await startArchived(t, 0)
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
    await restoreArchive({ place: archive, key }, { at: momentIn(at), to })
    const found = await contents(t, to)
    checkConsistent(found, acknowledged.slice(0, count))
    assert.ok(found.decisions.length < last, 'what came long after is not there')
  }
  const verified = await verifyArchive({ place: archive, key })
  assert.ok(verified.bases === 1 && verified.pieces > 4, JSON.stringify(verified))
  await assert.rejects(
    restoreArchive({ place: archive, key }, { at: momentIn('1970-01-01T00:00Z'), to: join(folder, 'x') }),
    OutOfReach,
  )
  const future = momentIn(new Date(Date.now() + dayMs).toISOString())
  await assert.rejects(
    restoreArchive({ place: archive, key }, { at: future, to: join(folder, 'x') }),
    /reaches to/,
  )
  await refusesDamage(archive, folder)
})

test('an archive goes on over a failover, and what was acknowledged by either primary is restored', async (t) => {
  const { folder, archive, open, sell, acknowledged, sets } = await startArchived(t, 2)
  const archiver = await open(archive)
  for (let i = 0; i < 10; i++) await sell()
  await archiver.round()
  for (let i = 0; i < 10; i++) await sell()
  const followers = (name: string) => readSuccession(join(folder, 'data', name))?.followers.length
  const allFollow = () => Object.keys(databaseNames).every((name) => followers(name) === 2)
  // Twice, with nothing kept between: a restore has to find its way over a timeline that the archive never saw.
  for (const term of [1, 2]) {
    await until(allFollow, 'all replicas follow', 90_000)
    for (const [index, name] of Object.keys(databaseNames).entries()) {
      const primary = readSuccession(join(folder, 'data', name))?.primary
      const server = sets[index]?.servers.find((each) => each.name === `${name}.${primary}`)?.process
      assert.ok(server)
      process.kill(server.pid, 'SIGKILL')
    }
    const terms = () =>
      Object.keys(databaseNames).map((name) => readSuccession(join(folder, 'data', name))?.term ?? 0)
    await until(() => terms().every((each) => each > term), 'others are the primaries')
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

  assert.ok((await verifyArchive({ place: archive, key })).pieces > 0)
  const history = join(archive, 'log', 'order-db', '00000002.history')
  const whole = readFileSync(history)
  writeFileSync(history, flipped(whole))
  await assert.rejects(verifyArchive({ place: archive, key }), SealBroken)
  rmSync(history)
  await assert.rejects(verifyArchive({ place: archive, key }), /has no log\/order-db\/00000002.history/)
})

test('a log that is lost to the archive is noticed, and a new base begins', async (t) => {
  const { folder, archive, urls, open, sell, acknowledged } = await startArchived(t, 0)
  const archiver = await open(archive, 'data', { keepMs: dayMs })
  for (let file = 0; file < 3; file++) {
    await sell()
    await archiver.round()
    await askOnce(urls['book-db'], 'SELECT pg_switch_wal()', 5_000)
  }
  await verifyArchive({ place: archive, key })
  const pieces = join(archive, 'log', 'book-db')
  const second = [...new Set(readdirSync(pieces).map((piece) => piece.split('.')[0] ?? ''))].sort()[1] ?? ''
  for (const piece of readdirSync(pieces)) if (piece.startsWith(second)) rmSync(join(pieces, piece))
  await assert.rejects(verifyArchive({ place: archive, key }), LogGap)
  await archiver[Symbol.asyncDispose]()
  const again = await open(archive, 'data', { keepMs: dayMs })
  await sell()
  await again.round()
  await assert.rejects(verifyArchive({ place: archive, key }), /any from then to 20\S+Z can/)
  const to = join(folder, 'restored')
  await restoreArchive({ place: archive, key }, { at: undefined, to })
  checkConsistent(await contents(t, to), acknowledged)
  await assert.rejects(open(archive, 'another'), ArchiveTaken)
})

test('bases and log that are older than they are kept for go', async (t) => {
  const { archive, open, sell } = await startArchived(t, 0)
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
  const { folder, open, sell, acknowledged } = await startArchived(t, 0)
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
  const { folder, urls, sell, acknowledged } = await startArchived(t, 0)
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
  assert.equal(
    (await databaseState('book-db', urls['book-db'])).archive,
    null,
    'no archive is kept from here on',
  )
  const to = join(folder, 'restored')
  await octavo('restore', url, '--to', to)
  const found = await contents(t, to)
  checkConsistent(found, acknowledged)
})

test('a moment is read with its zone, to the microsecond, and no day is guessed', () => {
  assert.equal(momentIn('2026-11-28T20:15:00Z'), '2026-11-28T20:15:00.000000Z')
  assert.equal(momentIn('2026-11-28T20:15:07.1234567+01:00'), '2026-11-28T19:15:07.123456Z')
  assert.equal(momentIn('2026-12-31T23:30-01:45'), '2027-01-01T01:15:00.000000Z')
  for (const text of [
    '2026-02-30T00:00:00Z',
    '2026-11-28T24:00:00Z',
    '2026-11-28T20:15:00',
    '2026-11-28',
    'now',
  ])
    assert.equal(momentIn(text), undefined, text)
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
    writeFileSync(path, flipped(whole))
    const to = join(folder, 'never')
    await assert.rejects(verifyArchive({ place: archive, key }), SealBroken, name)
    if (name.startsWith('log'))
      await assert.rejects(restoreArchive({ place: archive, key }, { at: undefined, to }), SealBroken, name)
    assert.ok(!existsSync(to) && !existsSync(`${to}.restoring`))
    writeFileSync(path, whole)
  }
  await assert.rejects(verifyArchive({ place: archive, key: 'another key' }), SealBroken)
}

function flipped(whole: Buffer): Buffer {
  const changed = Buffer.from(whole)
  const at = Math.floor(whole.length / 2)
  changed[at] = (changed[at] ?? 0) ^ 1
  return changed
}
