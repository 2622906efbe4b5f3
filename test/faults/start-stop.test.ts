import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { RunRecord } from '../../src/local/data-folder.ts'
import { endProcess, identify, isRunning, type ProcessIdentity } from '../../src/local/process-identity.ts'
import { layServers, type TestScope } from '../support/database.ts'
import { programEnvironment } from '../support/program-environment.ts'
import { until } from '../support/until.ts'

const script = join(import.meta.dirname, 'stand-in-store.ts')
const stopLimitMs = 10_000
/** The first start of all makes two database servers. */
const openLimitMs = 60_000
const folders: string[] = []

// Only now: what ends a test's processes reads their pids from there.
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

test('a clean stop leaves no process and no pid file behind', async (t) => {
  const store = await startStore(t)
  const before = store.processes()
  assert.equal(before.length, 11, 'two servers and nine roles')
  assert.match(store.said(), /Octavo is open at http:\/\/localhost:\d+ \(console: /)
  assert.equal(await store.stop('SIGTERM'), 0)
  assert.deepEqual(before.filter(isRunning), [])
  assert.throws(() => statSync(join(store.data, 'run', 'supervisor.json')))
})

test('a stop waits for what is in flight, and for nothing else', async (t) => {
  const store = await startStore(t)
  const slow = await fetch(`http://127.0.0.1:${store.port}/slow`)
  assert.equal(await store.stop('SIGTERM'), 0)
  assert.equal(await slow.text(), 'ok')
  const idle = await startStore(t, { data: store.data })
  const startedMs = performance.now()
  assert.equal(await idle.stop('SIGINT'), 0)
  assert.ok(performance.now() - startedMs < 4_000)
})

test('secrets are readable by their owner alone, and the password is printed at the first start only', async (t) => {
  const store = await startStore(t, { data: scratch() })
  const password = readFileSync(join(store.data, 'secrets', 'staff-password'), 'utf8').trim()
  await until(() => store.said().includes(password), 'the password is printed')
  for (const name of ['secret', 'voucher-key.pem', 'staff-password', 'book-db-password'])
    assert.equal(statSync(join(store.data, 'secrets', name)).mode & 0o777, 0o600)
  assert.equal(statSync(join(store.data, 'run', 'environment.json')).mode & 0o777, 0o600)
  await store.stop('SIGINT')
  const again = await startStore(t, { data: store.data })
  await again.stop('SIGINT')
  assert.ok(!again.said().includes(password))
})

test('a role that is killed is back at once', async (t) => {
  const store = await startStore(t)
  const [name, old] = store.child('coordinator')
  process.kill(old.pid, 'SIGKILL')
  await until(() => {
    const now = store.children().find((child) => child.name === name)
    return now !== undefined && now.process.pid !== old.pid
  })
})

test('a database server that is killed is back on the same address', async (t) => {
  const store = await startStore(t)
  const [, old] = store.child('order-db')
  process.kill(old.pid, 'SIGKILL')
  await until(() => {
    const now = store.children().find((child) => child.name === 'order-db')
    return now !== undefined && now.process.pid !== old.pid
  })
})

test('a store with a frozen role, a deaf role and a frozen server still stops in time', async (t) => {
  const store = await startStore(t, { env: { STAND_IN_DEAF: '1' } })
  process.kill(store.child('catalog.1')[1].pid, 'SIGSTOP')
  process.kill(store.child('book-db')[1].pid, 'SIGSTOP')
  const before = store.processes()
  const startedMs = performance.now()
  assert.equal(await store.stop('SIGTERM'), 0)
  assert.ok(performance.now() - startedMs < stopLimitMs)
  assert.deepEqual(before.filter(isRunning), [])
})

test('the start after a kill -9 of the supervisor recovers, whatever its children do', async (t) => {
  const store = await startStore(t, { env: { STAND_IN_DEAF: '1' } })
  const before = store.processes()
  process.kill(store.child('gateway')[1].pid, 'SIGSTOP')
  await store.stop('SIGKILL')
  const again = await startStore(t, { data: store.data, port: store.port })
  assert.deepEqual(before.filter(isRunning), [])
  assert.equal(again.processes().filter(isRunning).length, 11)
  assert.equal(await again.stop('SIGTERM'), 0)
})

test('roles end by themselves when their supervisor is killed', async (t) => {
  const store = await startStore(t)
  const roles = store.children().filter(({ name }) => !name.endsWith('-db'))
  await store.stop('SIGKILL')
  await until(() => roles.every((role) => !isRunning(role.process)))
})

test('pid files that name processes of others are ignored', async (t) => {
  const data = scratch()
  const store = await startStore(t, { data })
  await store.stop('SIGTERM')
  const someone = identify(process.pid) as ProcessIdentity
  const stale = { ...someone, startedAt: '1' }
  const record: RunRecord = { supervisor: stale, children: [{ name: 'gateway', process: stale }] }
  writeFileSync(join(data, 'run', 'supervisor.json'), JSON.stringify(record))
  writeFileSync(join(data, 'book-db', 'data', 'postmaster.pid'), `${process.pid}\n${data}/book-db/data\n`)
  const again = await startStore(t, { data })
  assert.equal(await again.stop('SIGTERM'), 0)
})

test('a second start on the same data says so and touches nothing', async (t) => {
  const store = await startStore(t)
  const second = await runStore(t, store.data, 0)
  assert.equal(await second.exitCode, 1)
  assert.match(second.said(), /already runs on .*process \d+/)
  assert.equal(store.processes().filter(isRunning).length, 11)
})

test('a port in use is named, with the setting that changes it, and nothing is left running', async (t) => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  t.after(() => taken.close())
  const { port } = taken.address() as { port: number }
  const store = await runStore(t, scratch(), port)
  assert.equal(await store.exitCode, 1)
  assert.match(store.said(), new RegExp(`port ${port} is in use.*OCTAVO_PORT`))
  assert.throws(() => statSync(join(store.data, 'run', 'supervisor.json')))
})

test('a data folder that cannot be written to is named', async (t) => {
  const file = join(scratch(), 'file')
  writeFileSync(file, '')
  const store = await runStore(t, join(file, 'data'), 0)
  assert.equal(await store.exitCode, 1)
  assert.match(store.said(), /cannot write to the data folder .*OCTAVO_DATA/)
})

test('a folder with a name too long for a socket still works', async (t) => {
  const store = await startStore(t, { data: join(scratch(), 'long'.repeat(40)) })
  assert.equal(await store.stop('SIGTERM'), 0)
})

/** Without `data` on a folder of its own, whose database servers are there already. */
type StartOptions = { data?: string; port?: number; env?: Record<string, string> }

/** Starts a store and waits until it says that it is open. */
async function startStore(t: TestScope, { data: given, port = 0, env = {} }: StartOptions = {}) {
  const data = given ?? scratch()
  if (given === undefined) await layServers(data)
  const store = runStore(t, data, port, env)
  await until(
    () => {
      assert.equal(store.process.exitCode, null, store.said())
      return /is open at/.test(store.said())
    },
    'the store is open',
    openLimitMs,
  )
  const opened = Number(/localhost:(\d+)/.exec(store.said())?.[1])
  const children = () =>
    (JSON.parse(readFileSync(join(data, 'run', 'supervisor.json'), 'utf8')) as RunRecord).children
  return {
    ...store,
    port: opened,
    children,
    processes: () => children().map((child) => child.process),
    child(name: string): [string, ProcessIdentity] {
      const found = children().find((child) => child.name === name)
      assert.ok(found, `${name} runs`)
      return [name, found.process]
    },
    async stop(signal: NodeJS.Signals): Promise<number | null> {
      store.process.kill(signal)
      return store.exitCode
    },
  }
}

/** Starts a store; whatever becomes of it ends with the test. */
function runStore(t: TestScope, data: string, port: number, env: Record<string, string> = {}) {
  // The channel ends it when this test process dies, however it dies.
  const child: ChildProcess = spawn(process.execPath, [script, 'store'], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...programEnvironment(), OCTAVO_DATA: data, OCTAVO_PORT: String(port), ...env },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (more: string) => {
      text += more
    })
  const exitCode = new Promise<number | null>((resolve) => child.once('close', resolve))
  t.after(async () => {
    let left: RunRecord['children'] = []
    try {
      left = (JSON.parse(readFileSync(join(data, 'run', 'supervisor.json'), 'utf8')) as RunRecord).children
    } catch {
      // It stopped and tidied up.
    }
    child.kill('SIGTERM')
    await exitCode
    for (const { process: old } of left) await endProcess(old, 'SIGINT', 3000)
  })
  return { process: child, data, said: () => text, exitCode }
}

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-start-'))
  folders.push(folder)
  return folder
}
