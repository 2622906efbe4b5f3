import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { sign, verify } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestScope } from '../../test/support/database.ts'
import {
  holdDataFolder,
  makePassword,
  makeVoucherKey,
  openDataFolder,
  type RunRecord,
  StartError,
  secretFile,
} from './data-folder.ts'
import { identify } from './process-identity.ts'
import { forgetEnvironment, NoStoreError, noteEnvironment, storeEnvironment } from './running.ts'
import { failuresAfter, restartWaitMs } from './supervised-role.ts'

test('a secret is made once and is for its owner alone', (t) => {
  const data = openedFolder(t)
  const first = secretFile(data, 'secret')
  const second = secretFile(data, 'secret')
  assert.equal(first.isNew, true)
  assert.deepEqual(second, { ...first, isNew: false })
  assert.ok(first.value.length >= 43, '256 bits')
  assert.equal(statSync(first.path).mode & 0o777, 0o600)
})

test('an empty secret is no secret, and the file is named', (t) => {
  const data = openedFolder(t)
  const { path } = secretFile(data, 'secret')
  writeFileSync(path, '')
  const refused = (error: Error) => error instanceof StartError && error.message.includes(path)
  assert.throws(() => secretFile(data, 'secret'), refused)
})

test('the voucher key signs by Ed25519', () => {
  const key = makeVoucherKey()
  assert.ok(verify(null, Buffer.from('code'), key, sign(null, Buffer.from('code'), key)))
})

test('a password is easy to type and never the same', () => {
  assert.match(makePassword(), /^([a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}$/)
  assert.notEqual(makePassword(), makePassword())
})

test('one process at a time holds a data folder', (t) => {
  const data = openedFolder(t)
  const hold = holdDataFolder(data)
  assert.throws(() => holdDataFolder(data), /already runs on .* \(process \d+\)/)
  hold.release()
  holdDataFolder(data).release()
})

test('the holder that was killed hands on what it had started', (t) => {
  const data = openedFolder(t)
  const child = { name: 'gateway', process: { pid: 1, startedAt: '1' } }
  const record: RunRecord = { supervisor: { pid: process.pid, startedAt: 'another time' }, children: [child] }
  writeFileSync(join(data, 'run', 'supervisor.json'), JSON.stringify(record))
  const hold = holdDataFolder(data)
  assert.deepEqual(hold.leftOver, [child])
  hold.release()
})

test('of many that start at once on what a killed one has left, one holds the folder', async (t) => {
  const data = openedFolder(t)
  const program = `
    import { holdDataFolder } from ${JSON.stringify(join(import.meta.dirname, 'data-folder.ts'))}
    process.stdin.once('data', () => {
      try { holdDataFolder(${JSON.stringify(data)}); console.log('holds') }
      catch (error) { console.log(error.name) }
      setTimeout(() => process.exit(), 1_000)
    })
    console.log('ready')`
  for (let round = 0; round < 5; round++) {
    const left = { supervisor: { pid: process.pid, startedAt: 'another time' }, children: [] }
    writeFileSync(join(data, 'run', 'supervisor.json'), JSON.stringify(left))
    const all = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] }),
    )
    const said = await Promise.all(all.map((each) => once(each.stdout, 'data')))
    assert.equal(said.length, 4)
    const answers = all.map((each) => once(each.stdout, 'data'))
    for (const each of all) each.stdin.write('now')
    const words = (await Promise.all(answers)).map(([text]) => String(text).trim())
    assert.equal(words.filter((word) => word === 'holds').length, 1, words.join())
    await Promise.all(all.map((each) => each.exitCode ?? once(each, 'exit')))
  }
})

test('a record cut short by a crash is no holder', (t) => {
  const data = openedFolder(t)
  writeFileSync(join(data, 'run', 'supervisor.json'), '{"supervisor": {"pi')
  holdDataFolder(data).release()
})

test('a full disk is told, with what is left and what is needed', (t) => {
  const data = openedFolder(t)
  const left = () => 5 * 1024 * 1024
  assert.throws(
    () => openDataFolder(data, left),
    /disk of the data folder .* is full: 5 MB are left and 700 MB/,
  )
  secretFile(data, 'secret')
  assert.throws(() => openDataFolder(data, left), /5 MB are left and 64 MB/)
  openDataFolder(data, () => 65 * 1024 * 1024)
})

test('a data folder below a file is refused with the setting that moves it', (t) => {
  const file = join(openedFolder(t), 'file')
  writeFileSync(file, '')
  const refused = (error: Error) => error instanceof StartError && /OCTAVO_DATA/.test(error.message)
  assert.throws(() => openDataFolder(join(file, 'data')), refused)
})

test('a command finds the running store, and its own settings win', (t) => {
  const data = openedFolder(t)
  noteEnvironment(data, { OCTAVO_SECRET: 'theirs', OCTAVO_BOOK_DB: 'theirs' })
  const env = storeEnvironment({ OCTAVO_DATA: data, OCTAVO_SECRET: 'mine' })
  assert.equal(env.OCTAVO_SECRET, 'mine')
  assert.equal(env.OCTAVO_BOOK_DB, 'theirs')
  forgetEnvironment(data)
  assert.throws(() => storeEnvironment({ OCTAVO_DATA: data }), NoStoreError)
})

test('a command whose own settings are enough needs no running store', (t) => {
  const own = { OCTAVO_DATA: openedFolder(t), OCTAVO_SECRET: 'mine' }
  assert.equal(storeEnvironment(own, ['OCTAVO_SECRET']), own)
  assert.throws(() => storeEnvironment(own), NoStoreError)
})

test('a store that was killed does not run', async (t) => {
  const data = openedFolder(t)
  noteEnvironment(data, {})
  const path = join(data, 'run', 'environment.json')
  const noted = JSON.parse(readFileSync(path, 'utf8'))
  const other = spawn(process.execPath, ['-e', ''])
  await new Promise((resolve) => other.once('exit', resolve))
  writeFileSync(path, JSON.stringify({ ...noted, supervisor: { pid: other.pid, startedAt: '5' } }))
  assert.throws(() => storeEnvironment({ OCTAVO_DATA: data }), /no store runs on/)
})

test('a process is known by its start as well as by its number', () => {
  const me = identify(process.pid)
  assert.ok(me)
  assert.deepEqual(identify(process.pid), me)
  assert.equal(identify(0), undefined)
  assert.equal(identify(2 ** 30), undefined)
})

test('restarts come quickly at first and rarely at last', () => {
  const neverServed = { servedMs: Number.NEGATIVE_INFINITY, ranMs: 3_000 }
  assert.equal([neverServed, { servedMs: 100, ranMs: 900 }, neverServed].reduce(failuresAfter, 0), 3)
  assert.equal(failuresAfter(9, { servedMs: 2_500, ranMs: 3_000 }), 0, 'whatever ended what has served')
  assert.equal(failuresAfter(9, { ...neverServed, ranMs: 11_000 }), 0, 'or what says nothing of serving')
  assert.ok(restartWaitMs(1, 0) >= 100)
  assert.ok(restartWaitMs(1, 0.999) <= 200)
  assert.ok(restartWaitMs(20, 0) >= 5000)
  assert.ok(restartWaitMs(20, 0.999) <= 10_000)
})

function openedFolder(t: TestScope): string {
  const data = join(mkdtempSync(join(tmpdir(), 'octavo-data-')), 'data')
  t.after(() => rmSync(join(data, '..'), { recursive: true, force: true }))
  mkdirSync(data)
  openDataFolder(data)
  return data
}
