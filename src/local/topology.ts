import { join } from 'node:path'

/** Everything that runs on a laptop: two database servers and the roles, each its own process. */
export type Topology = {
  servers: readonly ServerPlan[]
  roles: readonly RolePlan[]
  /** Roles that end together, in this order: first who takes work in, last who others need to say goodbye to. */
  stopWaves: readonly (readonly string[])[]
  /** The command that runs a role, without the role's name. */
  roleCommand: readonly string[]
}

export type RolePlan = {
  role: string
  processes: number
  /** Options for Node itself. */
  nodeOptions?: readonly string[]
}

/** A third less memory, for roles that are not on the way of every order: garbage is collected more often. */
const small = ['--max-semi-space-size=1']

/** A database server: its folder, the setting that names its database (and, when set, replaces it). */
export type ServerPlan = { name: string; variable: string; database: string }

export const laptop: Topology = {
  servers: [
    { name: 'book-db', variable: 'OCTAVO_BOOK_DB', database: 'books' },
    { name: 'order-db', variable: 'OCTAVO_ORDER_DB', database: 'orders' },
  ],
  roles: [
    { role: 'registry', processes: 1, nodeOptions: small },
    { role: 'catalog', processes: 2, nodeOptions: small },
    { role: 'orders', processes: 2, nodeOptions: small },
    { role: 'coordinator', processes: 1 },
    { role: 'vouchers', processes: 1, nodeOptions: small },
    { role: 'gateway', processes: 1 },
  ],
  stopWaves: [['gateway'], ['coordinator'], ['catalog', 'orders', 'vouchers'], ['registry']],
  roleCommand: [join(import.meta.dirname, '..', 'main.ts'), 'serve'],
}

/** What a start settles before any role runs. */
export type StoreAddresses = {
  port: number
  registryPort: number
  dataPath: string
  /** Database URL by the setting that holds it. */
  databases: Readonly<Record<string, string>>
  secret: string
  voucherKeyPath: string
  staffPassword: string
  /** Load the sample catalogue into a catalogue that never held a book. */
  demo: boolean
}

/** The environment of every role. What the caller's own environment sets wins. */
export function roleEnvironment(
  addresses: StoreAddresses,
  own: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const made: Record<string, string> = {
    ...addresses.databases,
    OCTAVO_SECRET: addresses.secret,
    OCTAVO_VOUCHER_KEY: addresses.voucherKeyPath,
    OCTAVO_STAFF_PASSWORD: addresses.staffPassword,
    OCTAVO_DISCOVERY: `registry://127.0.0.1:${addresses.registryPort}`,
    OCTAVO_DEMO: addresses.demo ? 'on' : 'off',
  }
  const set = Object.entries(own).filter((entry): entry is [string, string] => isSet(entry))
  return {
    ...made,
    ...Object.fromEntries(set),
    OCTAVO_PORT: String(addresses.port),
    OCTAVO_DATA: addresses.dataPath,
  }
}

/** The names of a store's processes: `catalog.1`, `catalog.2`, `gateway`. */
export function processNames(plan: RolePlan): string[] {
  if (plan.processes === 1) return [plan.role]
  return Array.from({ length: plan.processes }, (_, index) => `${plan.role}.${index + 1}`)
}

function isSet([name, value]: [string, string | undefined]): boolean {
  return name.startsWith('OCTAVO_') && value !== undefined && value !== ''
}
