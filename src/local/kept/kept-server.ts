import { chownSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { askOnce } from '#ports/postgres'
import { findPostgres } from '../postgres-binaries.ts'
import { type PostgresServer, serverOn, socketFolder, startPostgres } from '../postgres-server.ts'
import { identify, killAll, type ProcessIdentity } from '../process-identity.ts'
import type { ServerTls } from './server-tls.ts'

/** One PostgreSQL server of a fleet's database: others reach it over the network, whoever keeps it over its socket. */
export type KeptServer = {
  readonly path: string
  readonly cluster: string
  readonly isRunning: boolean
  hasData(): boolean
  /** Whether it would start as a replica. */
  isReplicaOnDisk(): boolean
  /** Starts it as what its settings say. @throws PostgresUnavailable */
  start(options: { asReplica: boolean; mayMake: boolean }): Promise<void>
  /** Has it go by these, whether it runs or not; resolves when a running one does. */
  apply(settings: ServerSettings): Promise<void>
  /** @throws Error when it does not answer within `limitMs` */
  ask<Row>(sql: string, limitMs?: number): Promise<Row[]>
  /** Ends it cleanly: what it has written goes to those who follow it first. */
  stop(graceMs: number): Promise<void>
  /** Ends everything of it at once. @returns whether nothing of it runs any more */
  kill(): Promise<boolean>
}

export type ServerSettings = {
  epoch: number
  /** Whom it follows, as PostgreSQL takes it; empty when nobody. */
  conninfo: string
  /** `synchronous_standby_names`. */
  synchronous: string
  /** Whether anybody but replicas and its keeper may connect. */
  isOpen: boolean
}

export type KeptServerOptions = {
  path: string
  password: string
  host: string
  port: number
  tls: ServerTls
  log: (line: string) => void
  onExit: () => void
}

const askLimitMs = 5_000
const reloadLimitMs = 10_000

const fixed: Readonly<Record<string, string>> = {
  // Slots of those who read the log as it is decoded live on in the next primary.
  ...{ wal_level: 'logical', hot_standby_feedback: 'on', wal_keep_size: '512MB', min_wal_size: '128MB' },
  ...{ wal_sender_timeout: '3s', wal_receiver_timeout: '3s', wal_retrieve_retry_interval: '200ms' },
  ...{ wal_receiver_status_interval: '1s', max_connections: '200', max_prepared_transactions: '128' },
  log_min_messages: 'fatal',
}

export function openKeptServer(options: KeptServerOptions): KeptServer {
  const { path, password, host, port, tls, log, onExit } = options
  const cluster = join(path, 'data')
  const socket = encodeURIComponent(socketFolder(path))
  const url = `postgres://octavo:${encodeURIComponent(password)}@localhost:${port}/postgres?host=${socket}`
  let server: PostgresServer | undefined
  let identity: ProcessIdentity | undefined
  const ask = <Row>(sql: string, limitMs = askLimitMs) => askOnce<Row>(url, sql, limitMs, 'octavo keeper')
  const hasData = () => existsSync(join(cluster, 'PG_VERSION'))
  const ended = () => {
    server = undefined
    identity = undefined
    onExit()
  }
  return {
    ...{ path, cluster, hasData, ask },
    isReplicaOnDisk: () => existsSync(join(cluster, 'standby.signal')),
    get isRunning() {
      return server !== undefined
    },
    async start({ asReplica, mayMake }) {
      const signal = join(cluster, 'standby.signal')
      if (asReplica && hasData()) writeOwned(signal, '')
      else rmSync(signal, { force: true })
      tls.install()
      const settings = { ...fixed, ...tls.settings, listen_addresses: host, port: String(port) }
      server = await startPostgres({ path, password, mayMake, log, settings, onExit: ended })
      identity = identify(server.pid)
    },
    async apply(settings) {
      if (!hasData()) return
      writeOwned(join(cluster, 'postgresql.auto.conf'), configuration(settings))
      writeOwned(join(cluster, 'pg_hba.conf'), hostRules(settings.isOpen, tls.settings.ssl === 'on'))
      tls.install()
      const running = identity ?? serverOn(cluster)
      if (running !== undefined) await reload(running.pid, ask)
    },
    async stop(graceMs) {
      await server?.stop(graceMs)
      server = undefined
      identity = undefined
    },
    async kill() {
      const running = identity ?? serverOn(cluster)
      const isGone = running === undefined || (await killAll(running))
      if (isGone) ended()
      return isGone
    },
  }
}

/** The postmaster takes settings and rules in one go: once it says that it has loaded them, nobody comes in by the old ones. */
async function reload(pid: number, ask: KeptServer['ask']): Promise<void> {
  const loaded = async () => {
    const [row] = await ask<{ at: string }>('SELECT pg_conf_load_time()::text AS at')
    return row?.at
  }
  const before = await loaded()
  process.kill(pid, 'SIGHUP')
  const giveUpMs = performance.now() + reloadLimitMs
  while ((await loaded()) === before) {
    if (performance.now() > giveUpMs) throw new Error('the server does not load its settings')
    await sleep(10)
  }
}

function configuration({ epoch, conninfo, synchronous }: ServerSettings): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`
  return [
    `primary_conninfo = ${quoted(conninfo)}`,
    `synchronous_standby_names = ${quoted(synchronous)}`,
    // Whoever connects sees whose turn it is.
    `octavo.epoch = '${epoch}'`,
    '',
  ].join('\n')
}

/** @param isSecret whether nobody may come unencrypted */
function hostRules(isOpen: boolean, isSecret: boolean): string {
  const host = isSecret ? 'hostssl' : 'host'
  const rules = ['local all all scram-sha-256', `${host} replication all all scram-sha-256`]
  // A copy is made over an ordinary connection, by this one name.
  rules.push(`${host} postgres octavo all scram-sha-256`)
  if (isOpen) rules.push(`${host} all all all scram-sha-256`)
  return `${rules.join('\n')}\n`
}

/** Readable by the server's user, whoever that is. */
function writeOwned(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 })
  const { runAs } = findPostgres()
  if (runAs.kind === 'user') chownSync(file, runAs.uid, runAs.gid)
}
