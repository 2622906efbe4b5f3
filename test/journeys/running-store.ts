import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export type RunningStore = { url: string; staff: { email: string; password: string } }

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
const openLimitMs = 60_000
const stopLimitMs = 15_000

/**
 * Starts a whole store with the sample catalogue on a folder of its own and any free port, as `npm start` would.
 * It ends, and its folder goes, with the test.
 */
export async function startStore(t: TestContext): Promise<RunningStore> {
  const data = mkdtempSync(join(tmpdir(), 'octavo-journey-'))
  const staff = { email: 'staff@example.org', password: 'a quiet corner by the window' }
  const child = spawn(process.execPath, [main, 'start'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      OCTAVO_DATA: data,
      OCTAVO_PORT: '0',
      OCTAVO_STAFF_EMAIL: staff.email,
      OCTAVO_STAFF_PASSWORD: staff.password,
    },
  })
  t.after(async () => {
    await stop(child)
    rmSync(data, { recursive: true, force: true })
  })
  return { url: await opened(child), staff }
}

/** The address it prints when it is open. */
function opened(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const fail = (why: string) => reject(new Error(`the store ${why}:\n${said}`))
    const timer = setTimeout(() => fail(`was not open within ${openLimitMs} ms`), openLimitMs)
    child.once('exit', (code) => fail(`ended with exit code ${code}`))
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text
        const url = /is open at (http:\/\/[^\s/]+)/.exec(said)?.[1]
        if (!url) return
        clearTimeout(timer)
        resolve(url)
      })
  })
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
