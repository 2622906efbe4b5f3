import { get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '#config'
import { finishLimitMs } from '../process/stop-signal.ts'
import {
  hasSecret,
  holdDataFolder,
  isFirstStart,
  makePassword,
  makeVoucherKey,
  openDataFolder,
  type RunRecord,
  StartError,
  secretFile,
} from './data-folder.ts'
import { claimPublicPort, freeInnerPort } from './free-port.ts'
import { type Log, openLog } from './log.ts'
import { endProcess } from './process-identity.ts'
import { forgetEnvironment, noteEnvironment } from './running.ts'
import { supervisePostgres } from './supervised-postgres.ts'
import { type Supervised, superviseRole } from './supervised-role.ts'
import { processNames, roleEnvironment, type Topology } from './topology.ts'

export type StoreOptions = {
  config: Config
  topology: Topology
  /** The caller's environment, passed on to the roles. */
  env: Readonly<Record<string, string | undefined>>
  /** Load the sample catalogue into a catalogue that never held a book. */
  demo: boolean
  write: (text: string) => void
  withColour: boolean
  /** Aborted when the store is to stop. */
  stop: AbortSignal
}

const readyLimitMs = 120_000
const readyPollMs = 50
const leftOverGraceMs = 3000
/** A role ends as soon as nothing is in flight, and within its own limit; only one that hangs is waited for longer. */
const roleGraceMs = finishLimitMs + 1000
const databaseGraceMs = 1500

/**
 * Runs a whole store until `options.stop` is aborted: databases, then roles, each started again when it ends. When it
 * returns or throws, none of its processes is left.
 * @throws StartError or PostgresUnavailable when the store cannot start, in words for the person who tried
 */
export async function runStore(options: StoreOptions): Promise<void> {
  const { config, topology, stop } = options
  openDataFolder(config.dataPath)
  const hold = holdDataFolder(config.dataPath)
  const names = [...topology.servers.map((server) => server.name), ...topology.roles.flatMap(processNames)]
  const log = openLog(options.write, names, options.withColour)
  const supervised: Supervised[] = []
  const record = () =>
    hold.record(
      supervised.flatMap(({ name, process: running }) => (running ? [{ name, process: running }] : [])),
    )
  try {
    await endLeftOver(hold.leftOver, topology)
    record()
    const { port, staff } = await start(options, log, supervised, record)
    await becomesReady(config.host, port, stop)
    if (!stop.aborted) announce(config, port, staff, log)
    await aborted(stop)
  } finally {
    forgetEnvironment(config.dataPath)
    await stopAll(topology, supervised)
    hold.release()
  }
}

/** Ends what a killed supervisor has left: roles end by themselves when it is gone, unless they hang; servers stay. */
async function endLeftOver(left: RunRecord['children'], topology: Topology): Promise<void> {
  const [servers = [], roles = []] = [true, false].map((wanted) =>
    left.filter(({ name }) => topology.servers.some((server) => server.name === name) === wanted),
  )
  await Promise.all(roles.map(({ process: old }) => endProcess(old, 'SIGTERM', leftOverGraceMs)))
  // For PostgreSQL SIGINT is the fast shutdown; SIGTERM would wait for whoever is connected.
  await Promise.all(servers.map(({ process: old }) => endProcess(old, 'SIGINT', leftOverGraceMs)))
}

/** Starts the databases and the roles; adds each to `supervised` as soon as it runs. */
async function start(options: StoreOptions, log: Log, supervised: Supervised[], record: () => void) {
  const { config, topology, env, stop } = options
  const settled = await settle(options)
  const databases = await startDatabases(options, log, supervised, record)
  if (stop.aborted) return settled
  const shared = roleEnvironment({ ...settled, databases }, env)
  noteEnvironment(config.dataPath, shared)
  for (const plan of topology.roles) {
    for (const name of processNames(plan)) {
      const command = [...(plan.nodeOptions ?? []), ...topology.roleCommand, plan.role]
      supervised.push(superviseRole({ name, command, env: { ...env, ...shared }, log, onChange: record }))
    }
  }
  record()
  return settled
}

/** Chooses ports and makes what the first start has to make: keys, and the password of the first staff account. */
async function settle({ config, demo }: StoreOptions) {
  const { dataPath } = config
  const port = await claimPublicPort(config.host, config.port)
  const registryPort = await freeInnerPort()
  // Once there is an account, a password made up now would open nothing.
  const mayBeMade = isFirstStart(dataPath) && config.staffPassword === undefined
  const staff =
    mayBeMade || hasSecret(dataPath, 'staff-password')
      ? secretFile(dataPath, 'staff-password', makePassword)
      : undefined
  const voucherKeyPath = secretFile(dataPath, 'voucher-key.pem', makeVoucherKey).path
  const secret = secretFile(dataPath, 'secret').value
  return {
    port,
    registryPort,
    dataPath,
    secret,
    voucherKeyPath,
    demo,
    staff,
    staffPassword: staff?.value ?? '',
  }
}

/** Starts the servers that no setting replaces, all at once. @returns database URLs by setting */
async function startDatabases(
  { config, topology, env, stop }: StoreOptions,
  log: Log,
  supervised: Supervised[],
  record: () => void,
): Promise<Record<string, string>> {
  const databases: Record<string, string> = {}
  const starts = await Promise.allSettled(
    topology.servers
      .filter((server) => !env[server.variable])
      .map(async ({ name, database, variable }) => {
        const path = join(config.dataPath, name)
        const password = secretFile(config.dataPath, `${name}-password`).value
        const options = { name, database, path, password, log, signal: stop, onChange: record }
        const running = await supervisePostgres(options)
        supervised.push(running)
        record()
        databases[variable] = running.url
      }),
  )
  const failed = starts.find((result) => result.status === 'rejected')
  if (failed && !stop.aborted) throw failed.reason
  return databases
}

/** Waits until the gateway says that everything behind it is there. */
async function becomesReady(host: string, port: number, stop: AbortSignal): Promise<void> {
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host
  const deadline = performance.now() + readyLimitMs
  while (!stop.aborted) {
    if ((await statusOf(reachable, port)) === 200) return
    if (performance.now() > deadline)
      throw new StartError(`the store was not ready within ${readyLimitMs / 1000} s; its log above says why`)
    await sleep(readyPollMs)
  }
}

function statusOf(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get({ host, port, path: '/readyz', agent: false, timeout: 2000 }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    request.once('timeout', () => request.destroy())
    request.once('error', () => resolve(undefined))
  })
}

function announce(
  config: Config,
  port: number,
  staff: { path: string; value: string; isNew: boolean } | undefined,
  log: Log,
) {
  const url = config.port === port ? config.publicUrl : `http://localhost:${port}`
  log.say(`Octavo is open at ${url} (console: ${url}/console/)`)
  if (!staff) return
  const password = staff.isNew
    ? `password ${staff.value} (kept in ${staff.path})`
    : `password in ${staff.path}`
  log.say(`Staff log-in: ${config.staffEmail}, ${password}`)
}

/** Stops everything in the topology's order. Each wave has its limit, so all of it has one. */
async function stopAll(topology: Topology, supervised: readonly Supervised[]): Promise<void> {
  const waves = topology.stopWaves.map((roles) =>
    supervised.filter((each) => roles.includes(each.name.replace(/\.\d+$/, ''))),
  )
  for (const wave of waves) await Promise.all(wave.map((each) => each.stop(roleGraceMs)))
  const rest = supervised.filter((each) => !waves.some((wave) => wave.includes(each)))
  await Promise.all(rest.map((each) => each.stop(databaseGraceMs)))
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
