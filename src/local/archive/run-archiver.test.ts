import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { dayMs } from '#kernel/day'
import { databaseState } from '#ports/database'
import { askOnce } from '#ports/postgres'
import { checkConsistent, contents, key, startArchived } from '../../../test/support/archived-store.ts'
import { until } from '../../../test/support/until.ts'
import { forgetArchive } from './archive-state.ts'
import { restoreArchive } from './restore-archive.ts'
import { runArchiver } from './run-archiver.ts'

test('a base that goes stays until the next one can be restored', async (t) => {
  const { folder, archive, open, sell, acknowledged } = await startArchived(t, 0)
  const reach = join(archive, 'reach')
  let reached: Buffer | undefined
  const onProgress = () => {
    // Nothing can be kept any more, from the middle of the second base on.
    if (!existsSync(reach) || reached) return
    reached = readFileSync(reach)
    rmSync(reach)
    mkdirSync(join(reach, 'taken'), { recursive: true })
  }
  const archiver = await open(archive, 'data', { onProgress })
  await sell()
  await archiver.round()
  archiver.wantBase()
  await assert.rejects(archiver.round())
  assert.ok(reached)
  rmSync(reach, { recursive: true })
  writeFileSync(reach, reached)
  const to = join(folder, 'restored')
  await restoreArchive({ place: archive, key }, { at: undefined, to })
  checkConsistent(await contents(t, to), acknowledged)
})

test('what is wrong with an archive is told by the databases from the first, and nothing once it is kept no more', async (t) => {
  const { folder, archive, urls } = await startArchived(t, 0)
  const stop = new AbortController()
  writeFileSync(archive, 'a file where a folder should be')
  const running = runArchiver(
    {
      ...{ source: { dataPath: join(folder, 'data'), urls }, place: archive, key, version: '0' },
      ...{ baseEveryMs: dayMs, keepMs: 0, say: () => {} },
    },
    stop.signal,
  )
  const states = () => Promise.all(Object.entries(urls).map(([name, url]) => databaseState(name, url)))
  await until(async () => (await states()).every((each) => each.archive?.problem), 'both say what is wrong')
  assert.deepEqual(
    (await states()).map((each) => each.archive?.reachesTo),
    [null, null],
  )
  rmSync(archive)
  await until(
    async () => (await states()).every((each) => each.archive?.reachesTo && !each.archive.problem),
    'it is kept',
  )
  stop.abort()
  await running
  for (const url of Object.values(urls)) await askOnce(url, forgetArchive, 5_000)
  assert.deepEqual(
    (await states()).map((each) => each.archive),
    [null, null],
  )
})

test('a base that is asked for by command is told of when it is whole, also where it takes the place of another', async (t) => {
  const { folder, archive, urls, sell } = await startArchived(t, 0)
  const stop = new AbortController()
  const dataPath = join(folder, 'data')
  writeFileSync(join(dataPath, 'secrets', 'backup-key'), key)
  mkdirSync(join(dataPath, 'run'), { recursive: true })
  await sell()
  const running = runArchiver(
    {
      ...{ source: { dataPath, urls }, place: archive, key, version: '0' },
      ...{ baseEveryMs: dayMs, keepMs: 0, say: (text) => t.diagnostic(text) },
    },
    stop.signal,
  )
  await until(() => existsSync(join(archive, 'reach')), 'the first base is there')
  const main = join(import.meta.dirname, '..', '..', 'main.ts')
  const env = {
    ...{ PATH: process.env.PATH, OCTAVO_DATA: dataPath, OCTAVO_SECRET: 'secret', OCTAVO_ARCHIVE: archive },
    ...{ OCTAVO_BOOK_DB: urls['book-db'], OCTAVO_ORDER_DB: urls['order-db'] },
    OCTAVO_DISCOVERY: 'registry://127.0.0.1:1',
  }
  const backup = () => promisify(execFile)(process.execPath, [main, 'backup'], { env, timeout: 60_000 })
  assert.match((await backup()).stdout, /A base is in the archive, from 20/)
  rmSync(join(archive, 'reach'))
  mkdirSync(join(archive, 'reach', 'taken'), { recursive: true })
  await assert.rejects(backup(), /no backup was made: .*is the folder of another key/)
  assert.ok(!existsSync(join(dataPath, 'run', 'base-wanted')), 'nobody waits for it any more')
  rmSync(join(archive, 'reach'), { recursive: true })
  stop.abort()
  await running
})
