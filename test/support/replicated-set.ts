import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Database, openDatabase } from '#ports/database'
import { childrenOf, commandLine } from '../../src/local/process-identity.ts'
import { superviseReplicated } from '../../src/local/replicas/replicated-postgres.ts'
import { readSuccession } from '../../src/local/replicas/succession-record.ts'
import { layServers } from './database.ts'
import { until } from './until.ts'

/** A database with its replicas, whose servers are struck by name. */
export type Struck = {
  database: Database
  path: string
  primary(): number
  /** Sends a signal to a server and all its processes, or to those whose title matches alone. */
  signal(number: number, what: NodeJS.Signals, only?: RegExp): void
  /** Resolves when another one is the primary and takes writes. */
  replaced(old: number): Promise<void>
  allFollow(): Promise<void>
  stop(): Promise<void>
  /** Ends all of it at once, as a power cut does. */
  kill(): Promise<void>
}

export async function startSet(
  t: TestContext,
  settings: Record<string, string> = {},
  freeBytes?: (number: number) => number,
): Promise<Struck> {
  return await startOn(t, await newFolder(t), { replicas: 4, settings, ...(freeBytes && { freeBytes }) })
}

export async function newFolder(t: TestContext): Promise<string> {
  const data = mkdtempSync(join(tmpdir(), 'octavo-replicas-'))
  t.after(() => rmSync(data, { recursive: true, force: true }))
  await layServers(data)
  return data
}

export async function startOn(
  t: TestContext,
  data: string,
  {
    replicas,
    settings = {},
    freeBytes,
  }: { replicas: number; settings?: Record<string, string>; freeBytes?: (number: number) => number },
): Promise<Struck> {
  const path = join(data, 'book-db')
  const password = readFileSync(join(data, 'secrets', 'book-db-password'), 'utf8').trim()
  const said: string[] = []
  const log = { say: () => {}, line: (name: string, text: string) => said.push(`${name}: ${text}`) }
  const { url, servers } = await superviseReplicated({
    ...{ name: 'book-db', database: 'books', path, password, replicas, settings, log },
    ...(freeBytes && { freeBytes: (cluster) => freeBytes(Number(/\.(\d)\/data$/.exec(cluster)?.[1] ?? 1)) }),
    onChange: () => {},
  })
  const database = await openDatabase(url, { applicationName: 'test', connectionsMax: 8 })
  let isOver = false
  const stop = async () => {
    if (isOver) return
    isOver = true
    t.diagnostic(said.slice(-40).join('\n'))
    await database[Symbol.asyncDispose]()
    await Promise.all(servers.map((server) => server.stop(1_000)))
  }
  t.after(stop)
  const primary = () => readSuccession(path)?.primary ?? 0
  return {
    ...{ database, path, primary, stop },
    async kill() {
      const ends = stop()
      for (const { process: server } of servers)
        if (server) for (const pid of [server.pid, ...childrenOf(server.pid)]) send(pid, 'SIGKILL')
      await ends
    },
    signal(number, what, only) {
      const server = servers.find(({ name }) => name === `book-db.${number}`)?.process
      if (!server) return
      const sessions = childrenOf(server.pid).filter(
        (pid) => only === undefined || only.test(commandLine(pid)),
      )
      for (const pid of only ? sessions : [server.pid, ...sessions]) send(pid, what)
    },
    allFollow: () =>
      until(() => readSuccession(path)?.followers.length === replicas, 'all others follow', 90_000),
    async replaced(old) {
      await until(() => primary() !== old, `another primary than ${old}`)
      await until(async () => (await database.query('SELECT 1').catch(() => [])).length === 1)
    },
  }
}

export function send(pid: number, what: NodeJS.Signals): void {
  try {
    process.kill(pid, what)
  } catch {
    // It ended by itself between the look and the signal.
  }
}

export async function lost(database: Database, acknowledged: readonly number[]): Promise<number[]> {
  const rows = await database.query<{ n: number }>('SELECT n FROM kept')
  const there = new Set(rows.map(({ n }) => n))
  return acknowledged.filter((n) => !there.has(n))
}
