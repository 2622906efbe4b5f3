import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { type TestScope, testServers } from './database.ts'

/** What all clusters of a fleet share: both databases, the broker in one of them, vouchers and keys. */
export type SharedParts = {
  secrets: { bookDb: string; orderDb: string; payment: string; objectStore: string; secret: string }
  staff: { email: string; password: string }
  folder: string
}

/** All roles of a store in one process: a cluster that can be killed and frozen as a whole. */
export type ProcessCluster = {
  readonly name: string
  /** Of its gateway; the same after another start. */
  readonly url: string
  /** Its registry, for whoever looks for its roles. */
  readonly discoveryUrl: string
  /** @param program another version's, where it is not this checkout's */
  start(env?: Record<string, string>, program?: string): Promise<void>
  /** Asks it to end and waits until it has. */
  stop(): Promise<void>
  kill(): Promise<void>
  freeze(): void
  thaw(): void
  said(): string
}

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
const roles = 'registry,catalog,orders,coordinator,vouchers,gateway'
const readyLimitMs = 90_000

export async function openSharedParts(scope: TestScope): Promise<SharedParts> {
  const [books, orders] = await testServers(scope)
  assert.ok(books && orders)
  await Promise.all([books.ensureDatabase('books'), orders.ensureDatabase('orders')])
  return sharedParts(scope, books.url('books'), orders.url('orders'))
}

/** The same over databases that are there already. */
export function sharedParts(
  scope: TestScope,
  bookDb: string,
  orderDb: string,
  secret = randomBytes(24).toString('base64url'),
): SharedParts {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-fleet-'))
  scope.after(() => rmSync(folder, { recursive: true, force: true }))
  const { privateKey } = generateKeyPairSync('ed25519')
  writeFileSync(join(folder, 'voucher-key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), {
    mode: 0o600,
  })
  return {
    folder,
    staff: { email: 'staff@example.org', password: 'a quiet corner by the window' },
    secrets: {
      ...{ bookDb, orderDb, payment: `test+${orderDb}` },
      ...{ objectStore: `file://${join(folder, 'objects')}`, secret },
    },
  }
}

export async function openProcessCluster(
  scope: TestScope,
  name: string,
  { secrets, staff, folder }: SharedParts,
): Promise<ProcessCluster> {
  const [port, registryPort] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${port}`
  const discoveryUrl = `registry://127.0.0.1:${registryPort}`
  let child: ChildProcess | undefined
  let text = ''
  const settings = {
    ...{ PATH: process.env.PATH, OCTAVO_DATA: join(folder, name), OCTAVO_PORT: String(port) },
    ...{ OCTAVO_DISCOVERY: discoveryUrl, OCTAVO_MIGRATE: 'on' },
    ...{ OCTAVO_BOOK_DB: secrets.bookDb, OCTAVO_ORDER_DB: secrets.orderDb },
    ...{ OCTAVO_OBJECT_STORE: secrets.objectStore, OCTAVO_SECRET: secrets.secret },
    ...{ OCTAVO_VOUCHER_KEY: join(folder, 'voucher-key.pem') },
    ...{ OCTAVO_STAFF_EMAIL: staff.email, OCTAVO_STAFF_PASSWORD: staff.password },
    ...{ OCTAVO_LOG_FORMAT: 'pretty', OCTAVO_TRUSTED_PROXIES: '127.0.0.1', OCTAVO_RATE_LIMIT: '0' },
  }
  const end = async (signal: NodeJS.Signals) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise<void>((resolve) => child?.once('exit', () => resolve()))
    child.kill(signal)
    await exited
  }
  scope.after(() => end('SIGKILL'))
  return {
    ...{ name, url, discoveryUrl },
    async start(env = {}, program = '') {
      const running = spawn(process.execPath, [program || main, 'serve', roles], {
        ...{ stdio: ['ignore', 'pipe', 'pipe'], env: { ...settings, ...env } },
      })
      child = running
      for (const stream of [running.stdout, running.stderr])
        stream?.setEncoding('utf8').on('data', (more: string) => {
          text = (text + more).slice(-20_000)
        })
      await ready(
        url,
        () => running.exitCode === null,
        () => text,
      )
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    said: () => text,
  }
}

async function ready(url: string, isRunning: () => boolean, said: () => string): Promise<void> {
  const deadline = performance.now() + readyLimitMs
  for (;;) {
    const answer = await request(`${url}/readyz`).catch(() => undefined)
    await answer?.body.dump()
    if (answer?.statusCode === 200) return
    assert.ok(isRunning(), `it ended:\n${said()}`)
    assert.ok(performance.now() < deadline, `not ready within ${readyLimitMs} ms:\n${said()}`)
    await sleep(100)
  }
}

/** Nobody listens on it just now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
