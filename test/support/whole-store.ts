import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bookDbSettings } from './book-db.ts'
import { layServers, type TestScope } from './database.ts'

export type Store = {
  url: string
  data: string
  staff: Credentials
  said(): string
  /** Its environment, by which its own commands find its parts. */
  places: Record<string, string>
}
export type Credentials = { email: string; password: string }

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
const openLimitMs = 60_000
const stopLimitMs = 15_000

/**
 * Starts a whole store, as `npm start -- --demo on|off` would, on a folder of its own and any free port. It ends, and
 * its folder goes, with `scope`.
 * @param demo whether it has the sample catalogue or no books
 */
export async function startStore(
  scope: TestScope,
  demo: 'on' | 'off',
  env: Record<string, string> = {},
): Promise<Store> {
  const data = mkdtempSync(join(tmpdir(), 'octavo-test-'))
  await layServers(data, { 'book-db': demo === 'on' ? 'books-with-sample' : 'books', 'order-db': 'orders' })
  const bookDb = await bookDbSettings(scope)
  const staff = { email: 'staff@example.org', password: 'a quiet corner by the window' }
  const child = spawn(process.execPath, [main, 'start', '--demo', demo], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      OCTAVO_DATA: data,
      OCTAVO_PORT: '0',
      OCTAVO_STAFF_EMAIL: staff.email,
      OCTAVO_STAFF_PASSWORD: staff.password,
      ...bookDb,
      ...env,
    },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (more: string) => {
      text += more
    })
  scope.after(async () => {
    await stop(child)
    rmSync(data, { recursive: true, force: true })
  })
  const url = await opened(child, () => text)
  return { url, data, staff, said: () => text, places: { OCTAVO_DATA: data, ...bookDb, ...env } }
}

/** The address it prints when it is open. */
async function opened(child: ChildProcess, said: () => string): Promise<string> {
  const deadline = performance.now() + openLimitMs
  for (;;) {
    const url = /is open at (http:\/\/[^\s/]+)/.exec(said())?.[1]
    if (url !== undefined) return url
    assert.equal(child.exitCode, null, `the store ended:\n${said()}`)
    assert.ok(performance.now() < deadline, `the store was not open within ${openLimitMs} ms:\n${said()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs)
  await exited
  clearTimeout(timer)
  assert.notEqual(child.signalCode, 'SIGKILL', `the store did not stop within ${stopLimitMs} ms`)
}

/** Runs `octavo …` beside the store. @returns its exit code and what it said */
export async function octavo(
  store: Store,
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...store.places, ...env },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (more: string) => {
      said += more
    })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, said }
}
