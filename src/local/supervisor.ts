import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Config, type Environment, type SecretName, secretVariables } from '#config'
import { askOnce, primaryOf } from '#ports/postgres'
import { finishLimitMs } from '../process/stop-signal.ts'
import { forgetArchive } from './archive/archive-state.ts'
import { becomesReady } from './becomes-ready.ts'
import {
  hasSecret,
  holdDataFolder,
  isFirstStart,
  keepGiven,
  makePassword,
  makeVoucherKey,
  noteSecret,
  openDataFolder,
  type RunRecord,
  secretFile,
} from './data-folder.ts'
import { claimPublicPort, freeInnerPort } from './free-port.ts'
import { keepLog } from './kept-log.ts'
import type { LivenessLimits } from './liveness.ts'
import { type Log, openLog } from './log.ts'
import { endProcess } from './process-identity.ts'
import { forgetEnvironment, noteEnvironment } from './running.ts'
import { superviseDatabase } from './supervised-database.ts'
import { type Supervised, superviseRole } from './supervised-role.ts'
import {
  archiveName,
  isServerOf,
  processNames,
  roleSettings,
  type StoreAddresses,
  secretSettings,
  serverNames,
  type Topology,
  withoutSecrets,
} from './topology.ts'

export type StoreOptions = {
  config: Config
  topology: Topology
  /** The caller's environment, passed on to the roles. */
  env: Environment
  /** When a role that hangs is replaced; without it never. */
  liveness?: LivenessLimits
  /** Load the sample catalogue into a catalogue that never held a book. */
  demo: boolean
  write: (text: string) => void
  withColour: boolean
  /** Aborted when the store is to stop. */
  stop: AbortSignal
}

const leftOverGraceMs = 3000
/** A role ends as soon as nothing is in flight, and within its own limit; only one that hangs is waited for longer. */
const roleGraceMs = finishLimitMs + 1000
const databaseGraceMs = 1500
const explainAfterMs = 700
const forgetLimitMs = 5_000

/**
 * Runs a whole store until `options.stop` is aborted: databases, then roles, each started again when it ends. When it
 * returns or throws, none of its processes is left.
 * @throws StartError or PostgresUnavailable when the store cannot start, in words for the person who tried
 */
export async function runStore(options: StoreOptions): Promise<void> {
  const { config, topology, stop } = options
  openDataFolder(config.dataPath)
  const hold = holdDataFolder(config.dataPath)
  const names = [...serverNames(topology, config.databases.replicas), ...topology.roles.flatMap(processNames)]
  using kept = keepLog(config.dataPath)
  const log = openLog(options.write, names, options.withColour, {
    isPretty: (options.env.OCTAVO_LOG_FORMAT || 'pretty') === 'pretty',
    keep: kept.add,
  })
  const supervised: Supervised[] = []
  const record = () =>
    hold.record(
      supervised.flatMap(({ name, process: running }) => (running ? [{ name, process: running }] : [])),
    )
  try {
    await endLeftOver(hold.leftOver, topology)
    record()
    const { port, staff } = await start(options, log, supervised, record)
    await becomesReady(config.gateway, port, stop)
    if (!stop.aborted) sayWhereItIs(config, port, staff, log)
    await aborted(stop)
    log.say('Octavo stops: it finishes what is in flight and takes nothing new.')
  } finally {
    forgetEnvironment(config.dataPath)
    await stopAll(topology, supervised, log)
    hold.release()
    log.say('Octavo has stopped; nothing of it runs any more.')
  }
}

/** Ends what a killed supervisor has left: roles end by themselves when it is gone, unless they hang; servers stay. */
async function endLeftOver(left: RunRecord['children'], topology: Topology): Promise<void> {
  const [servers = [], roles = []] = [true, false].map((wanted) =>
    left.filter(({ name }) => topology.servers.some((server) => isServerOf(name, server)) === wanted),
  )
  await Promise.all(roles.map(({ process: old }) => endProcess(old, 'SIGTERM', leftOverGraceMs)))
  // For PostgreSQL SIGINT is the fast shutdown; SIGTERM would wait for whoever is connected.
  await Promise.all(servers.map(({ process: old }) => endProcess(old, 'SIGINT', leftOverGraceMs)))
}

/** Starts the databases and the roles; adds each to `supervised` as soon as it runs. */
async function start(options: StoreOptions, log: Log, supervised: Supervised[], record: () => void) {
  const { config, topology, env, stop, liveness } = options
  const chosen = await choose(options)
  const databases = await startDatabases(options, log, supervised, record)
  if (stop.aborted) return chosen
  const addresses = { ...chosen, secretFiles: { ...chosen.secretFiles, ...databases } }
  const settings = roleSettings(addresses, env)
  noteEnvironment(config.dataPath, { ...settings, ...commandSecrets(addresses, env) })
  const inherited = withoutSecrets(env)
  for (const plan of topology.roles) {
    const secrets = secretSettings(addresses, env, plan.secrets)
    for (const name of processNames(plan)) {
      const command = [...(plan.nodeOptions ?? []), ...topology.roleCommand, plan.role]
      const role = { name, command, env: { ...inherited, ...settings, ...secrets }, log, onChange: record }
      supervised.push(superviseRole({ ...role, ...(liveness && { liveness }) }))
    }
  }
  const archive = superviseArchive(options, addresses, settings, log, record)
  if (archive) supervised.push(archive)
  else for (const file of Object.values(databases)) void withoutArchive(file)
  record()
  return chosen
}

/** The process that keeps the archive, where one is set. */
function superviseArchive(
  { topology, env }: StoreOptions,
  addresses: StoreAddresses,
  settings: Record<string, string>,
  log: Log,
  onChange: () => void,
): Supervised | undefined {
  if (!['', '_FILE'].some((end) => env[secretVariables.archive + end])) return undefined
  const secrets = secretSettings(addresses, env, ['bookDb', 'orderDb', 'archive'])
  return superviseRole({
    ...{ name: archiveName, command: topology.archiveCommand, log, onChange },
    env: { ...withoutSecrets(env), ...settings, ...secrets },
  })
}

/** One that was kept before, by this store or the one that it was restored from, is not told of and holds no log. */
async function withoutArchive(urlFile: string): Promise<void> {
  try {
    const url = (await readFile(urlFile, 'utf8')).trim()
    await askOnce(await primaryOf(url).find(forgetLimitMs), forgetArchive, forgetLimitMs)
  } catch {
    // It has gone again already; the next start tries once more.
  }
}

/** Chooses ports and makes what the first start has to make: keys, and the password of the first staff account. */
async function choose({ config, demo, env }: StoreOptions) {
  const { dataPath } = config
  const port = await claimPublicPort(config.gateway.host, config.gateway.port)
  const registryPort = await freeInnerPort()
  // Once there is an account, a password made up now would open nothing.
  const isGiven = ['', '_FILE'].some((end) => env[secretVariables.staffPassword + end])
  const mayBeMade = isFirstStart(dataPath) && !isGiven
  const staff =
    mayBeMade || hasSecret(dataPath, 'staff-password')
      ? secretFile(dataPath, 'staff-password', makePassword)
      : undefined
  const secretFiles: StoreAddresses['secretFiles'] = {
    voucherKey: secretFile(dataPath, 'voucher-key.pem', makeVoucherKey).path,
    secret: secretFile(dataPath, 'secret').path,
    ...(staff && { staffPassword: staff.path }),
  }
  return { port, registryPort, dataPath, secretFiles, demo, staff }
}

/**
 * For commands beside the store: where its secrets are, in files only this user can read. The password of the first
 * account is not among them: no command needs it.
 */
function commandSecrets(addresses: StoreAddresses, env: Environment): Record<string, string> {
  const names = (Object.keys(secretVariables) as SecretName[]).filter((name) => name !== 'staffPassword')
  const sources = secretSettings(addresses, env, names)
  return keepGiven(addresses.dataPath, sources)
}

/** Starts the servers that no setting replaces, all at once. @returns files that hold their databases' URLs */
async function startDatabases(
  { config, topology, env, stop }: StoreOptions,
  log: Log,
  supervised: Supervised[],
  record: () => void,
): Promise<StoreAddresses['secretFiles']> {
  const files: Partial<Record<SecretName, string>> = {}
  const isSet = (secret: SecretName) => ['', '_FILE'].some((end) => env[secretVariables[secret] + end])
  const starts = await Promise.allSettled(
    topology.servers
      .filter(({ secret }) => !isSet(secret))
      .map(async ({ name, database, secret, settings = {} }) => {
        const path = join(config.dataPath, name)
        const password = secretFile(config.dataPath, `${name}-password`).value
        const options = { name, database, path, password, settings, log, signal: stop, onChange: record }
        const { url, servers } = await superviseDatabase({ ...options, replicas: config.databases.replicas })
        supervised.push(...servers)
        record()
        files[secret] = noteSecret(config.dataPath, `${name}-url`, url)
      }),
  )
  const failed = starts.find((result) => result.status === 'rejected')
  if (failed && !stop.aborted) throw failed.reason
  return files
}

function sayWhereItIs(
  config: Config,
  port: number,
  staff: { path: string; value: string; isNew: boolean } | undefined,
  log: Log,
) {
  const { gateway, publicUrl } = config
  const url = gateway.port === port ? publicUrl : `${gateway.tls ? 'https' : 'http'}://localhost:${port}`
  log.say(`Octavo is open at ${url} (console: ${gateway.consoleUrl ?? url}/console/)`)
  if (!staff) return
  const password = staff.isNew
    ? `password ${staff.value} (kept in ${staff.path})`
    : `password in ${staff.path}`
  log.say(`Staff log-in: ${config.staff.email}, ${password}`)
}

/** Stops everything in the topology's order. Each wave has its limit, so all of it has one. */
async function stopAll(topology: Topology, supervised: readonly Supervised[], log: Log): Promise<void> {
  const waves = topology.stopWaves.map((roles) =>
    supervised.filter((each) => roles.includes(each.name.replace(/\.\d+$/, ''))),
  )
  for (const wave of waves) await stopWave(wave, roleGraceMs, log)
  // It keeps what the others have written last, so the databases are still needed.
  const archive = supervised.filter(({ name }) => name === archiveName)
  await stopWave(archive, roleGraceMs, log)
  await stopWave(
    supervised.filter((each) => ![...waves, archive].some((wave) => wave.includes(each))),
    databaseGraceMs,
    log,
  )
}

/** A wait that a person would wonder about is explained: who is waited for, and until when. */
async function stopWave(wave: readonly Supervised[], graceMs: number, log: Log): Promise<void> {
  const left = new Set(wave)
  const explaining = setTimeout(() => {
    const names = [...left].map(({ name }) => name).join(', ')
    log.say(`Still waiting for ${names}, ${graceMs / 1000} s at most.`)
  }, explainAfterMs)
  await Promise.all(
    wave.map(async (each) => {
      await each.stop(graceMs)
      left.delete(each)
    }),
  )
  clearTimeout(explaining)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
