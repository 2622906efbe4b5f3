import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestScope } from './database.ts'
import { freePort } from './redis.ts'

/** A real Hazelcast member of a test's own. */
export type HazelcastMember = { port: number; kill(): Promise<void> }

const version = '5.7.0'
const programs = ['/usr/bin/java', '/usr/bin/mvn']

/** @returns why a test cannot run here; on a machine that must have everything this is a failure */
export function hazelcastMissing(): string | false {
  if (programs.every((program) => existsSync(program))) return false
  assert.notEqual(process.env.CI, 'true', 'there is no Java or Maven: apt-get install maven')
  return 'there is no Java or Maven here: apt-get install maven'
}

const folder = join(
  process.env.OCTAVO_TOOLS_CACHE || join(homedir(), '.cache', 'octavo-tools'),
  `hazelcast-${version}`,
)
const jar = join(folder, `hazelcast-${version}.jar`)

/** Gets the server from Maven Central, once per machine. */
async function prepareHazelcast(): Promise<void> {
  if (existsSync(jar)) return
  const fetched = mkdtempSync(join(tmpdir(), 'octavo-hazelcast-'))
  const artifact = `com.hazelcast:hazelcast:${version}`
  const goal = ['dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${fetched}`]
  await promisify(execFile)('mvn', ['-q', '-B', ...goal], { cwd: fetched, timeout: 300_000 })
  mkdirSync(folder, { recursive: true })
  renameSync(join(fetched, `hazelcast-${version}.jar`), jar)
  rmSync(fetched, { recursive: true, force: true })
}

/** Members that know of each other; they start in about ten seconds. */
export async function startHazelcast(t: TestScope, count: number): Promise<HazelcastMember[]> {
  await prepareHazelcast()
  const path = mkdtempSync(join(tmpdir(), 'octavo-hazelcast-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  const ports: number[] = []
  while (ports.length < count) ports.push(await freePort())
  const members: HazelcastMember[] = []
  // One after the other: two that come together may each begin a cluster of its own.
  for (const port of ports) members.push(await startMember(t, path, port, ports, members.length + 1))
  return members
}

async function startMember(
  t: TestScope,
  path: string,
  port: number,
  ports: readonly number[],
  size: number,
): Promise<HazelcastMember> {
  const config = join(path, `${port}.yaml`)
  writeFileSync(config, settings(port, ports))
  // Short-lived and small: compiled little, and with nothing that calls out.
  const options = ['-Xms64m', '-Xmx96m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']
  const child = spawn('java', [...options, `-Dhazelcast.config=${config}`, '-cp', jar, starter], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => end(child))
  await untilSaid(child, `Members {size:${size},`)
  return { port, kill: () => end(child) }
}

const starter = 'com.hazelcast.core.server.HazelcastMemberStarter'

const settings = (port: number, ports: readonly number[]) => `
hazelcast:
  cluster-name: octavo
  properties:
    hazelcast.phone.home.enabled: false
    hazelcast.wait.seconds.before.join: 0
    hazelcast.max.wait.seconds.before.join: 1
    hazelcast.partition.count: 31
    hazelcast.heartbeat.interval.seconds: 1
    hazelcast.max.no.heartbeat.seconds: 5
    hazelcast.logging.type: jdk
  network:
    public-address: 127.0.0.1:${port}
    port: { auto-increment: false, port: ${port} }
    interfaces: { enabled: true, interfaces: [127.0.0.1] }
    join:
      auto-detection: { enabled: false }
      multicast: { enabled: false }
      tcp-ip: { enabled: true, member-list: [${ports.map((each) => `"127.0.0.1:${each}"`).join(', ')}] }
`

const startLimitMs = 90_000

function untilSaid(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const fail = (why: string) => reject(new Error(`Hazelcast ${why}: ${said.slice(-2_000)}`))
    const timer = setTimeout(() => fail(`did not start within ${startLimitMs} ms`), startLimitMs)
    child.once('exit', () => fail('ended'))
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (more: string) => {
        said = (said + more).slice(-20_000)
        if (!said.includes(text)) return
        clearTimeout(timer)
        resolve()
      })
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}
