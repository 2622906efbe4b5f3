import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestScope } from './database.ts'
import { until } from './until.ts'

/** A real Redis server of a test's own. */
export type RedisServer = {
  port: number
  kill(): Promise<void>
  freeze(): void
  thaw(): void
  /** Starts it again, empty. */
  start(): Promise<void>
  command(...words: string[]): Promise<string>
}

const binary = '/usr/bin/redis-server'

/** @returns why a test cannot run here; on a machine that must have everything this is a failure */
export function redisMissing(): string | false {
  if (existsSync(binary)) return false
  assert.notEqual(process.env.CI, 'true', 'there is no Redis: apt-get install redis-server')
  return 'there is no Redis here: apt-get install redis-server'
}

export async function startRedis(t: TestScope, ...options: string[]): Promise<RedisServer> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'octavo-redis-'))
  let child: ChildProcess | undefined
  const command = async (...words: string[]) => {
    const { stdout } = await promisify(execFile)('redis-cli', ['-p', String(port), ...words], {
      timeout: 5_000,
    })
    return stdout.trim()
  }
  const start = async () => {
    // A title of its own would cost it its environment, by which what is left behind is found.
    const own = ['--set-proc-title', 'no', '--dir', folder]
    const quiet = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1', ...own]
    child = spawn(binary, ['--port', String(port), ...quiet, ...options], { stdio: 'ignore' })
    await until(async () => (await command('ping').catch(() => '')) === 'PONG', 'a Redis server answers')
  }
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
  t.after(async () => {
    await kill()
    rmSync(folder, { recursive: true, force: true })
  })
  await start()
  return {
    ...{ port, kill, start, command },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
  }
}

/** In a cluster that is being made nodes that do not shake hands within this time forget each other for good. */
const makingTimeoutMs = 30_000
const nodeTimeoutMs = 1_000
/** Joining takes a second or two; `redis-cli` itself would wait for ever for nodes that have forgotten each other. */
const joiningMaxMs = 60_000

/** Three primaries with a replica each. */
export async function startRedisCluster(t: TestScope): Promise<RedisServer[]> {
  const options = [
    ...['--cluster-enabled', 'yes', '--cluster-node-timeout', String(makingTimeoutMs)],
    ...['--repl-diskless-sync-delay', '0'],
  ]
  const servers = await Promise.all(Array.from({ length: 6 }, () => startRedis(t, ...options)))
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`)
  const create = ['--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes']
  await promisify(execFile)('redis-cli', create, { timeout: joiningMaxMs })
  await until(
    async () => {
      const infos = await Promise.all(servers.map((server) => server.command('cluster', 'info')))
      if (!infos.every((info) => info.includes('cluster_state:ok'))) return false
      const replicas = await Promise.all(servers.map((server) => server.command('info', 'replication')))
      const linked = replicas.filter(
        (info) => info.includes('role:slave') && info.includes('master_link_status:up'),
      )
      return linked.length === 3
    },
    'the cluster is whole',
    joiningMaxMs,
  )
  // From here on a primary that dies is replaced soon.
  for (const server of servers)
    await server.command('config', 'set', 'cluster-node-timeout', String(nodeTimeoutMs))
  return servers
}

/** With another one 10000 above it, where the nodes of a cluster talk to each other. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
