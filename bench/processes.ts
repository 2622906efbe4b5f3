import { type ChildProcess, execFile, fork } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { roles } from '../src/roles.ts'
import type { HttpLoad } from './http-load.ts'
import type { Figures } from './rounds.ts'
import type { BenchStore } from './store.ts'

const root = join(import.meta.dirname, '..')

/** Also that of the processes that load, which sign what they send to a service directly. */
const secret = randomBytes(24).toString('hex')

/** A child process that is ended with its owner. */
export type Running = AsyncDisposable & { url: string; pids: readonly number[] }

export async function startRival(kind: 'empty' | 'lock', store: BenchStore): Promise<Running> {
  const child = fork(join(root, 'bench/rival-server.ts'), [
    kind,
    store.bookDbUrl,
    store.orderDbUrl,
    store.isbns.join(','),
  ])
  const { url } = await new Promise<{ url: string }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as { url: string }))
    child.once('exit', (code) => reject(new Error(`the ${kind} rival ended with ${code}`)))
  })
  return { url, pids: [child.pid ?? 0], [Symbol.asyncDispose]: () => end(child) }
}

/** Roles of the store, each in its own process, that find each other by a fixed list. */
export async function startRoles(
  store: BenchStore,
  roles: readonly string[],
  settings: Env = {},
): Promise<Running & { env: Env }> {
  const ports = new Map<string, number>()
  for (const role of roles) ports.set(role, await freePort())
  const env: Env = {
    ...process.env,
    OCTAVO_BOOK_DB: store.bookDbUrl,
    OCTAVO_ORDER_DB: store.orderDbUrl,
    OCTAVO_SECRET: secret,
    OCTAVO_VOUCHER_KEY: voucherKey(store.folder),
    OCTAVO_DATA: store.folder,
    OCTAVO_DEMO: 'off',
    OCTAVO_MIGRATE: 'on',
    OCTAVO_LOG_LEVEL: 'warn',
    OCTAVO_DISCOVERY: `static:${[...ports].map(([role, port]) => `${role}=http://127.0.0.1:${port}`).join(';')}`,
  }
  const children: ChildProcess[] = []
  for (const [role, port] of ports)
    children.push(await startRole(role, { ...env, ...settings, OCTAVO_SERVICE_PORT: String(port) }))
  return {
    env,
    url: `http://127.0.0.1:${ports.get('coordinator')}`,
    pids: children.map((child) => child.pid ?? 0),
    async [Symbol.asyncDispose]() {
      for (const child of children.reverse()) await end(child)
    },
  }
}

/** A gateway in front of one coordinator, or of what stands in its place. */
export async function startGateway(env: Env, coordinatorUrl: string): Promise<Running> {
  const port = await freePort()
  const child = await startRole('gateway', {
    ...env,
    OCTAVO_PORT: String(port),
    OCTAVO_DISCOVERY: `static:coordinator=${coordinatorUrl}`,
  })
  return {
    url: `http://127.0.0.1:${port}`,
    pids: [child.pid ?? 0],
    [Symbol.asyncDispose]: () => end(child),
  }
}

/** A store's roles and a gateway before them, ended together. */
export async function behindGateway(roles: Running & { env: Env }, settings: Env): Promise<Running> {
  const gateway = await startGateway({ ...roles.env, ...settings }, roles.url)
  return {
    url: gateway.url,
    pids: [...gateway.pids, ...roles.pids],
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await roles[Symbol.asyncDispose]()
    },
  }
}

/** Loads `url` from a process of its own. @throws Error when any answer was not 201 */
export async function load(
  url: string,
  connections: number,
  seconds: number,
  isbns: readonly string[],
): Promise<Figures & { orders: number }> {
  const args = [join(root, 'bench/load.ts'), url, String(connections), String(seconds), isbns.join(',')]
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    maxBuffer: 1 << 20,
    env: { ...process.env, OCTAVO_SECRET: secret },
  })
  const { figures, statuses } = JSON.parse(stdout) as HttpLoad
  const others = Object.keys(statuses).filter((status) => status !== '201')
  if (others.length > 0) throw new Error(`answers other than 201: ${JSON.stringify(statuses)}`)
  return { ...figures, orders: statuses['201'] ?? 0 }
}

type Env = Record<string, string | undefined>

async function startRole(role: string, env: Env): Promise<ChildProcess> {
  const execArgv = roles.find(({ name }) => name === role)?.nodeOptions
  const child = fork(join(root, 'src/main.ts'), ['serve', role], {
    env,
    execArgv: [...(execArgv ?? [])],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const port = role === 'gateway' ? env.OCTAVO_PORT : env.OCTAVO_SERVICE_PORT
  const deadline = Date.now() + 20_000
  for (;;) {
    const alive = await fetch(`http://127.0.0.1:${port}/healthz`)
      .then((answer) => answer.ok)
      .catch(() => false)
    if (alive) return child
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${role} did not start`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const insist = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await ended
  clearTimeout(insist)
}

function voucherKey(folder: string): string {
  const path = join(folder, 'voucher-key.pem')
  const { privateKey } = generateKeyPairSync('ed25519')
  writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  return path
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
