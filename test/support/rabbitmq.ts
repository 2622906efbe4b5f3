import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { folderVariable } from '../../deploy/real/left-behind.ts'
import { freeInnerPort } from '../../src/local/free-port.ts'
import { type CuttingProxy, openCuttingProxy } from './cutting-proxy.ts'
import type { TestScope } from './database.ts'

/** A real RabbitMQ of a test's own, as a plain process. */
export type RabbitServer = {
  /** As Erlang knows it. */
  name: string
  port: number
  /** Of the management API. */
  api: string
  folder: string
  kill(): Promise<void>
  freeze(): void
  thaw(): void
  /** Starts it again, with what it had. */
  start(): Promise<void>
  /** Has `rabbitmqctl` do something. */
  control(...command: string[]): Promise<unknown>
}

/** A server that is asked to end has this long. */
const stopWithinMs = 20_000
const binaries = '/usr/lib/rabbitmq/bin'
const startWithinMs = 120_000

/** @returns why a test cannot run here; on a machine that must have everything this is a failure */
export function rabbitMissing(): string | false {
  if (existsSync(`${binaries}/rabbitmq-server`)) return false
  assert.notEqual(process.env.CI, 'true', 'there is no RabbitMQ: apt-get install rabbitmq-server')
  return 'there is no RabbitMQ here: apt-get install rabbitmq-server'
}

type NodeOptions = {
  name?: string
  /** What the nodes of a cluster share. */
  cluster?: { epmdPort: number; cookie: string; seed?: string }
}

/** Nodes that keep each queue on a majority of them. */
export async function startRabbitCluster(t: TestScope, count: number): Promise<RabbitServer[]> {
  const [epmdPort, cookie] = [await freeInnerPort(), randomUUID()]
  const seed = 'octavo0@localhost'
  const first = await startRabbit(t, undefined, { name: seed, cluster: { epmdPort, cookie } })
  const others = Array.from({ length: count - 1 }, (_, i) =>
    startRabbit(t, undefined, {
      name: `octavo${i + 1}@localhost`,
      cluster: { epmdPort, cookie, seed },
    }),
  )
  const nodes = [first, ...(await Promise.all(others))]
  // One that is known and not up yet would have no part in the queues that are declared meanwhile.
  const running = async () =>
    ((await askApi(first.api, 'GET', '/nodes')) as { running: boolean }[]).filter((node) => node.running)
      .length
  const giveUpMs = performance.now() + startWithinMs
  while ((await running()) < count) {
    assert.ok(performance.now() < giveUpMs, 'the nodes have not become one cluster')
    await sleep(100)
  }
  return nodes
}

/**
 * Starts one server; its user guest may do everything.
 * @param kept a folder that is kept, with what the server had; otherwise one is made and goes with the test
 */
export async function startRabbit(
  t: TestScope,
  kept?: string,
  { name = 'octavo@localhost', cluster }: NodeOptions = {},
): Promise<RabbitServer> {
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'octavo-rabbit-'))
  const [port, apiPort, distPort, ownEpmdPort] = (await Promise.all(
    [0, 0, 0, 0].map(() => freeInnerPort()),
  )) as [number, number, number, number]
  const epmdPort = cluster?.epmdPort ?? ownEpmdPort
  const pidFile = join(folder, 'pid')
  const env = environmentOf(folder, name, { port, distPort, epmdPort })
  for (const each of ['mnesia', 'log', 'schema', 'generated'])
    mkdirSync(join(folder, each), { recursive: true })
  const cookie = join(folder, '.erlang.cookie')
  if (!existsSync(cookie)) writeFileSync(cookie, cluster?.cookie ?? randomUUID(), { mode: 0o400 })
  writeFileSync(join(folder, 'enabled_plugins'), '[rabbitmq_management].')
  writeFileSync(
    join(folder, 'rabbitmq.conf'),
    [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      'management.tcp.ip = 127.0.0.1',
      `management.tcp.port = ${apiPort}`,
      'vm_memory_high_watermark.absolute = 400MB',
      'disk_free_limit.absolute = 50MB',
      ...(cluster?.seed === undefined
        ? []
        : [
            'cluster_formation.peer_discovery_backend = classic_config',
            `cluster_formation.classic_config.nodes.1 = ${cluster.seed}`,
            // One that cannot reach the first in time would become a cluster of its own.
            'cluster_formation.discovery_retry_limit = 200',
          ]),
      '',
    ].join('\n'),
  )
  const api = `http://127.0.0.1:${apiPort}/api`
  let child: ChildProcess | undefined
  const start = async () => {
    rmSync(pidFile, { force: true })
    child = spawn(`${binaries}/rabbitmq-server`, { env, stdio: 'ignore' })
    await answering(api)
  }
  /** To Erlang's machine, a child of the script that ends with it. */
  const signal = (name: NodeJS.Signals) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    // It is written once the machine runs, and gone when it has ended.
    if (existsSync(pidFile)) process.kill(Number(readFileSync(pidFile, 'utf8')), name)
    else child.kill(name)
  }
  const end = async (name: NodeJS.Signals, withinMs: number) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    signal(name)
    const insist = setTimeout(() => signal('SIGKILL'), withinMs)
    await ended
    clearTimeout(insist)
  }
  const kill = () => end('SIGKILL', stopWithinMs)
  t.after(async () => {
    // What is to be kept is written down before the end.
    await end(kept === undefined ? 'SIGKILL' : 'SIGTERM', stopWithinMs)
    // Erlang's name server outlives the nodes.
    await promisify(execFile)('epmd', ['-port', String(epmdPort), '-kill']).catch(() => undefined)
    if (kept === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  await start()
  return {
    ...{ name, port, api, folder, kill, start },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    control: (...command) => promisify(execFile)(`${binaries}/rabbitmqctl`, ['--quiet', ...command], { env }),
  }
}

/** Erlang and its plugins take a while, on a busy machine a long one. */
async function answering(api: string): Promise<void> {
  const giveUpMs = performance.now() + startWithinMs
  for (;;) {
    try {
      await askApi(api, 'GET', '/health/checks/local-alarms')
      return
    } catch (error) {
      if (performance.now() > giveUpMs) throw error
      await sleep(100)
    }
  }
}

function environmentOf(
  folder: string,
  name: string,
  ports: { port: number; distPort: number; epmdPort: number },
) {
  const mark = process.env[folderVariable]
  return {
    ...(mark !== undefined && { [folderVariable]: mark }),
    PATH: process.env.PATH,
    HOME: folder,
    LANG: 'C.UTF-8',
    ERL_EPMD_PORT: String(ports.epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: name,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(ports.port),
    RABBITMQ_DIST_PORT: String(ports.distPort),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_SCHEMA_DIR: join(folder, 'schema'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(folder, 'generated'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}',
  }
}

/** Asks the management API as guest. @throws Error unless it agrees */
export async function askApi(api: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(api + path, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

let shared: Promise<RabbitServer> | undefined

/** One server for all the tests of a file, which calls `stopSharedRabbit` in the end. */
export function sharedRabbit(): Promise<RabbitServer> {
  shared ??= startRabbit({ after: (end) => void ends.push(end) })
  return shared
}
const ends: (() => unknown)[] = []

/** For the `after` hook of a file. */
export async function stopSharedRabbit(): Promise<void> {
  for (const end of ends.splice(0)) await end()
}

/** A virtual host of a test's own on the shared server. @returns its URL, through which connections can be cut */
export async function testVhost(
  t: TestScope,
): Promise<{ url: string; api: string; vhost: string } & CuttingProxy> {
  const { port, api } = await sharedRabbit()
  const vhost = `t${randomUUID().slice(0, 8)}`
  await askApi(api, 'PUT', `/vhosts/${vhost}`)
  const proxy = await openCuttingProxy(t, port)
  return { ...proxy, url: `amqp://guest:guest@127.0.0.1:${proxy.port}/${vhost}`, api, vhost }
}
