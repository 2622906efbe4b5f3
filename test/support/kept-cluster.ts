import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import { freeInnerPort } from '../../src/local/free-port.ts'
import { serverOn } from '../../src/local/postgres-server.ts'
import { killAll } from '../../src/local/process-identity.ts'
import { type CuttingProxy, openCuttingProxy } from './cutting-proxy.ts'
import type { TestScope } from './database.ts'

/** One cluster's servers of both databases and who keeps them, as processes that can be killed and cut off. */
export type KeptCluster = {
  readonly name: string
  /** Of its keeper, as the controller reaches it. */
  readonly keeperUrl: string
  /** Of its servers, as the other clusters reach them. */
  address(database: KeptDatabase): string
  /** The same from within. */
  ownAddress(database: KeptDatabase): string
  start(): Promise<void>
  /** Keeper and servers, at once. */
  kill(): Promise<void>
  /** Nobody outside reaches anything in it. */
  cutOff(isCutOff: boolean): void
  said(): string
}

const keptPassword = randomBytes(12).toString('hex')
const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')

export async function openKeptCluster(scope: TestScope, name: string, secret: string): Promise<KeptCluster> {
  // PostgreSQL runs as another user, who has to get there.
  const data = mkdtempSync(join(tmpdir(), `octavo-kept-${name}-`))
  scope.after(() => rmSync(data, { recursive: true, force: true }))
  const port = await twoFreePorts()
  const keeperPort = await freeInnerPort()
  const doors = new Map<KeptDatabase, CuttingProxy>()
  for (const [i, database] of keptDatabases.entries())
    doors.set(database, await openCuttingProxy(scope, port + i))
  const keeperDoor = await openCuttingProxy(scope, keeperPort)
  let child: ChildProcess | undefined
  let text = ''
  const kill = async () => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = new Promise<void>((resolve) => child?.once('exit', () => resolve()))
      child.kill('SIGKILL')
      await exited
    }
    for (const database of keptDatabases) {
      const cluster = join(data, database, 'data')
      const running = existsSync(cluster) ? serverOn(cluster) : undefined
      if (running !== undefined) await killAll(running)
    }
  }
  scope.after(kill)
  return {
    name,
    keeperUrl: `http://127.0.0.1:${keeperDoor.port}`,
    address: (database) => `127.0.0.1:${doors.get(database)?.port}`,
    ownAddress: (database) => `127.0.0.1:${port + keptDatabases.indexOf(database)}`,
    async start() {
      const running = spawn(process.execPath, [main, 'keep-databases'], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...{ PATH: process.env.PATH, OCTAVO_DATA: data, OCTAVO_CLUSTER: name, OCTAVO_SECRET: secret },
          ...{ OCTAVO_DATABASE_PORT: String(port), OCTAVO_DATABASE_PASSWORD: keptPassword },
          ...{ OCTAVO_SERVICE_PORT: String(keeperPort), OCTAVO_LOG_FORMAT: 'pretty' },
        },
      })
      child = running
      for (const stream of [running.stdout, running.stderr])
        stream?.setEncoding('utf8').on('data', (more: string) => {
          text = (text + more).slice(-20_000)
        })
    },
    kill,
    cutOff(isCutOff) {
      for (const door of [...doors.values(), keeperDoor]) door.close(isCutOff)
    },
    said: () => text,
  }
}

/** URL of a database on several servers, for roles. */
export function keptUrl(addresses: readonly string[], database: 'orders' | 'books'): string {
  return `postgres://octavo:${keptPassword}@${addresses.join(',')}/${database}`
}

async function twoFreePorts(): Promise<number> {
  for (;;) {
    const port = await freeInnerPort()
    const next = await freeInnerPort()
    // The second has to be free as well; that it was a moment ago is as good as for any.
    if (next !== port + 1) return port % 2 === 0 ? port : port - 1
  }
}
