import { join } from 'node:path'
import { type Environment, type SecretName, secretVariables } from '#config'
import { roles, stopOrder } from '#roles'

/** Everything that runs on a laptop: two database servers and the roles, each its own process. */
export type Topology = {
  servers: readonly ServerPlan[]
  roles: readonly RolePlan[]
  /** Roles that end together, in this order: first who takes work in, last who others need to say goodbye to. */
  stopWaves: readonly (readonly string[])[]
  /** The command that runs a role, without the role's name. */
  roleCommand: readonly string[]
  /** The command that keeps the archive. */
  archiveCommand: readonly string[]
}

export type RolePlan = {
  role: string
  processes: number
  /** Options for Node itself. */
  nodeOptions?: readonly string[]
  /** The secrets it is given. */
  secrets: readonly SecretName[]
}

/** A database server: its folder, the secret that holds its database's URL (and, when set, replaces it). */
export type ServerPlan = {
  name: string
  secret: SecretName
  database: string
  settings?: Readonly<Record<string, string>>
}

/** Its log is followed for what others write; a follower that falls back too far loses its place, and no disk fills up. */
const followedLog = { wal_level: 'logical', max_slot_wal_keep_size: '1GB' }

const main = join(import.meta.dirname, '..', 'main.ts')

/** The process that keeps the archive. */
export const archiveName = 'archive'

export const laptop: Topology = {
  servers: [
    { name: 'book-db', secret: 'bookDb', database: 'books', settings: followedLog },
    { name: 'order-db', secret: 'orderDb', database: 'orders' },
  ],
  roles: roles
    .filter(({ laptopProcesses }) => laptopProcesses > 0)
    .map(({ name, laptopProcesses, nodeOptions, secrets }) => {
      return { role: name, processes: laptopProcesses, nodeOptions, secrets }
    }),
  stopWaves: stopOrder,
  roleCommand: [main, 'serve'],
  archiveCommand: [main, 'archive'],
}

/** What a start chooses before any role runs. */
export type StoreAddresses = {
  port: number
  registryPort: number
  dataPath: string
  /** Files that hold the secrets which this store has made for itself. */
  secretFiles: Readonly<Partial<Record<SecretName, string>>>
  /** Load the sample catalogue into a catalogue that never held a book. */
  demo: boolean
}

/** The settings of every role; no secret is among them. What the caller's own environment sets wins. */
export function roleSettings(addresses: StoreAddresses, own: Environment): Record<string, string> {
  return {
    OCTAVO_DISCOVERY: `registry://127.0.0.1:${addresses.registryPort}`,
    OCTAVO_DEMO: addresses.demo ? 'on' : 'off',
    OCTAVO_MIGRATE: 'on',
    ...Object.fromEntries(Object.entries(own).filter(isSetting) as [string, string][]),
    OCTAVO_PORT: String(addresses.port),
    OCTAVO_DATA: addresses.dataPath,
    // The supervisor keeps every line to be looked for, and writes it as people read it.
    OCTAVO_LOG_FORMAT: 'json',
  }
}

/** Where the named secrets are to be found: in the store's own files, or where the caller's environment says. */
export function secretSettings(
  { secretFiles }: Pick<StoreAddresses, 'secretFiles'>,
  own: Environment,
  names: readonly SecretName[],
): Record<string, string> {
  const found = sourcesOf(names, own).flatMap((name) => {
    const variable = secretVariables[name]
    const given = [variable, `${variable}_FILE`].filter((each) => own[each])
    if (given.length > 0) return given.map((each) => [each, own[each] ?? ''] as const)
    const file = secretFiles[name]
    return file === undefined ? [] : [[`${variable}_FILE`, file] as const]
  })
  return Object.fromEntries(found)
}

/** Broker and test payments live in OrderDb's server when nothing else is said. */
function sourcesOf(names: readonly SecretName[], own: Environment): SecretName[] {
  const isSet = (name: SecretName) => ['', '_FILE'].some((end) => own[secretVariables[name] + end])
  const needsOrderDb = (['broker', 'payment'] as const).some((name) => names.includes(name) && !isSet(name))
  return [...new Set<SecretName>([...names, ...(needsOrderDb ? (['orderDb'] as const) : [])])]
}

/** The caller's environment without any secret of the store. */
export function withoutSecrets(own: Environment): Environment {
  return Object.fromEntries(Object.entries(own).filter(([name]) => !isSecret(name)))
}

/** The names of a store's processes: `catalog.1`, `catalog.2`, `gateway`. */
export function processNames(plan: Pick<RolePlan, 'role' | 'processes'>): string[] {
  if (plan.processes === 1) return [plan.role]
  return Array.from({ length: plan.processes }, (_, index) => `${plan.role}.${index + 1}`)
}

/** The names of the database servers' processes: `book-db`, or with replicas `book-db.1` to `book-db.5`. */
export function serverNames({ servers }: Topology, replicas: number): string[] {
  return servers.flatMap(({ name }) => processNames({ role: name, processes: replicas + 1 }))
}

/** Whether a process is a server of this database. */
export function isServerOf(process: string, { name }: ServerPlan): boolean {
  return process.replace(/\.\d+$/, '') === name
}

function isSetting([name, value]: [string, string | undefined]): boolean {
  return name.startsWith('OCTAVO_') && !isSecret(name) && value !== undefined && value !== ''
}

function isSecret(name: string): boolean {
  return Object.values<string>(secretVariables).includes(name.replace(/_FILE$/, ''))
}
