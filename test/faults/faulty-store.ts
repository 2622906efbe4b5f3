import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig, readSecrets } from '#config'
import type { FaultPoint } from '#kernel/fault-point'
import { type AuditSecrets, auditSecrets } from '../../src/commands/audit.ts'
import type { RunRecord } from '../../src/local/data-folder.ts'
import { childrenOf, endProcess, identify, type ProcessIdentity } from '../../src/local/process-identity.ts'
import { storeEnvironment } from '../../src/local/running.ts'
import { runStore } from '../../src/local/supervisor.ts'
import { laptop } from '../../src/local/topology.ts'
import { describe } from '../../src/process/describe-error.ts'
import { stopSignal } from '../../src/process/stop-signal.ts'
import { bookDbSettings } from '../support/book-db.ts'
import { layServers, type TestScope } from '../support/database.ts'
import { programEnvironment } from '../support/program-environment.ts'
import type { BrokenBuild } from './broken-builds.ts'
import { type Sickness, sicknessFile } from './sick-requests.ts'

/** A whole store of real processes over real databases, whose parts die and freeze at a test's word. */
export type FaultyStore = {
  data: string
  url: string
  /** As the store's own commands would read them. */
  secrets: AuditSecrets
  staff: { email: string; password: string }
  names(): string[]
  /** @returns false when the part does not run just now */
  kill(name: string): boolean
  freeze(name: string, ms: number): Promise<boolean>
  /** Its process lives and answers so for a while. @returns false when the part does not run just now */
  sicken(name: string, sickness: Sickness, ms: number): Promise<boolean>
  /** The next process that comes to this moment dies, or freezes until `thaw`. */
  arm(point: FaultPoint, how: 'kill' | 'freeze'): Armed
  /** From now on the roles are as a build without this safeguard; the store has to be breakable. */
  break(build: BrokenBuild): void
}

export type Armed = {
  /** The process that was struck, or undefined when none came by within `limitMs`; then nothing will be. */
  struck(limitMs: number): Promise<number | undefined>
}

export type FaultyStoreOptions = { isBreakable?: boolean; holdSeconds?: number; replicas?: number }

const startLimitMs = 90_000
const lookMs = 10
const password = 'a password for fault runs'
const email = 'staff@example.org'

/** Starts a store on a folder of its own; all of it ends with the test, or with this process. */
export async function startFaultyStore(t: TestScope, options: FaultyStoreOptions = {}): Promise<FaultyStore> {
  const data = mkdtempSync(join(tmpdir(), 'octavo-faults-'))
  const faults = join(data, 'faults')
  mkdirSync(faults)
  await layServers(data)
  const bookDb = await bookDbSettings(t)
  const child = launch(data, faults, options, bookDb)
  const children = () =>
    (JSON.parse(readFileSync(join(data, 'run', 'supervisor.json'), 'utf8')) as RunRecord).children
  t.after(() => end(child.process, child.closed, data, children))
  const url = await opened(child)
  return {
    ...{ url, data },
    secrets: readSecrets(storeEnvironment({ OCTAVO_DATA: data, ...bookDb }), auditSecrets),
    staff: { email, password },
    names: () => children().map(({ name }) => name),
    kill: (name) => signal(children(), name, 'SIGKILL'),
    async freeze(name, ms) {
      const struck = children().filter((each) => each.name === name)
      if (!signal(struck, name, 'SIGSTOP')) return false
      await sleep(ms)
      signal(struck, name, 'SIGCONT')
      return true
    },
    async sicken(name, sickness, ms) {
      const struck = children().find((each) => each.name === name)
      if (struck === undefined) return false
      const file = sicknessFile(faults, struck.process.pid)
      writeFileSync(file, sickness)
      await sleep(ms)
      rmSync(file)
      return true
    },
    arm: (point, how) => arm(faults, point, how),
    break: (build) => writeFileSync(join(faults, 'broken'), build),
  }
}

function launch(
  data: string,
  faults: string,
  { isBreakable, holdSeconds, replicas }: FaultyStoreOptions,
  bookDb: Record<string, string>,
) {
  // The channel ends it when this process dies, however it dies.
  const running = spawn(process.execPath, [import.meta.filename, 'store'], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      ...programEnvironment(),
      OCTAVO_DATA: data,
      OCTAVO_PORT: '0',
      OCTAVO_TEST_FAULT_FOLDER: faults,
      OCTAVO_BREAKABLE: isBreakable ? 'yes' : '',
      OCTAVO_STAFF_EMAIL: email,
      OCTAVO_STAFF_PASSWORD: password,
      OCTAVO_HOLD_SECONDS: String(holdSeconds ?? 900),
      OCTAVO_REPLICAS: String(replicas ?? 0),
      ...bookDb,
    },
  })
  let text = ''
  for (const stream of [running.stdout, running.stderr])
    stream?.setEncoding('utf8').on('data', (more: string) => {
      text += more
    })
  const closed = new Promise<void>((resolve) => running.once('close', () => resolve()))
  return { process: running, closed, said: () => text }
}

async function opened({ process: running, said }: ReturnType<typeof launch>): Promise<string> {
  const deadline = performance.now() + startLimitMs
  for (;;) {
    const found = /is open at (http:\/\/localhost:\d+)/.exec(said())?.[1]
    if (found !== undefined) return found.replace('localhost', '127.0.0.1')
    assert.equal(running.exitCode, null, said())
    assert.ok(performance.now() < deadline, `not open within ${startLimitMs} ms:\n${said()}`)
    await sleep(50)
  }
}

async function end(
  running: ChildProcess,
  closed: Promise<void>,
  data: string,
  children: () => RunRecord['children'],
): Promise<void> {
  let left: RunRecord['children'] = []
  try {
    left = children()
  } catch {
    // It has stopped and tidied up.
  }
  running.kill('SIGTERM')
  await closed
  for (const { process: old } of left) await endProcess(old, 'SIGINT', 3_000)
  rmSync(data, { recursive: true, force: true })
}

/** Sends a signal to a part's process, and to the sessions of a database server. */
function signal(children: RunRecord['children'], name: string, what: NodeJS.Signals): boolean {
  const found = children.find((child) => child.name === name)
  if (found === undefined || identify(found.process.pid)?.startedAt !== found.process.startedAt) return false
  const sessions = /-db(\.\d+)?$/.test(name) ? childrenOf(found.process.pid) : []
  for (const pid of [found.process.pid, ...sessions]) {
    try {
      process.kill(pid, what)
    } catch {
      // It ended by itself between the look and the signal.
    }
  }
  return true
}

function arm(faults: string, point: FaultPoint, how: 'kill' | 'freeze'): Armed {
  const path = join(faults, point.replace(':', '.'))
  for (const old of [`${path}.taken`, `${path}.struck`]) rmSync(old, { force: true })
  writeFileSync(path, how)
  return {
    async struck(limitMs) {
      const deadline = performance.now() + limitMs
      while (!existsSync(`${path}.struck`)) {
        if (performance.now() > deadline && existsSync(path)) {
          rmSync(path, { force: true })
          if (!existsSync(`${path}.taken`)) return undefined
        }
        await sleep(lookMs)
      }
      // The file is there before its text is.
      for (;;) {
        const text = readFileSync(`${path}.struck`, 'utf8')
        if (text !== '') return (JSON.parse(text) as { pid: number }).pid
        await sleep(lookMs)
      }
    },
  }
}

/** Wakes a process that an armed moment has frozen. */
export function thaw(pid: number): void {
  const identity: ProcessIdentity | undefined = identify(pid)
  if (identity !== undefined) process.kill(pid, 'SIGCONT')
}

/** The store itself, in a process of its own: two of each role that two-phase commit is made of. */
async function runFaultyStore(): Promise<number> {
  const twice = ['catalog', 'orders', 'coordinator']
  try {
    await runStore({
      config: readConfig(process.env),
      topology: {
        ...laptop,
        roles: laptop.roles.map((plan) => ({ ...plan, processes: twice.includes(plan.role) ? 2 : 1 })),
        roleCommand: [join(import.meta.dirname, 'faulty-role.ts'), 'serve'],
      },
      env: process.env,
      demo: false,
      write: (text) => process.stdout.write(text),
      withColour: false,
      stop: stopSignal(),
    })
    return 0
  } catch (error) {
    console.error(`octavo start: ${describe(error)}`)
    return 1
  }
}

if (import.meta.main) process.exit(await runFaultyStore())
