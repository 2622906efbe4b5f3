import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { dayMs } from '#kernel/day'
import {
  addresses,
  advertised,
  ConfigError,
  checked,
  type Environment,
  integer,
  isCountry,
  isTimeZone,
  listenHost,
  oneOf,
  webAddress,
} from './setting-values.ts'

export { type FaultName, faultNames } from './fault-setting.ts'
export { ConfigError, type Environment } from './setting-values.ts'

import { isCurrency } from '#kernel/currencies'
import { isClusterName } from '#kernel/fleet-picture'
import { type FaultName, faultsOf } from './fault-setting.ts'
import { hostsOf } from './host-settings.ts'

/** Octavo's settings, by the part that they are of. What is not set and has no default is `undefined`. */
export type Config = {
  version: string
  /** Folder of everything the laptop default keeps. */
  dataPath: string
  /** The store's address as readers see it, without a slash at its end. */
  publicUrl: string
  gateway: {
    host: string
    port: number
    /** Names it answers to; undefined where no address of the store is set. */
    hosts: readonly string[] | undefined
    /** Addresses and ranges of proxies whose word on whom they ask for is taken. */
    trustedProxies: readonly string[]
    /** Where the console is, if it has a host of its own. */
    consoleUrl: string | undefined
    /** Requests a second that one client may make, and whether that was set; 0 is no limit. */
    rateLimit: { perSecond: number; isSet: boolean }
    /** Where Alertmanager says what is firing, if there is one. */
    alertmanager: string | undefined
    /** Paths of the certificate and key it serves https with. */
    tls: { certificate: string; key: string } | undefined
  }
  /** Where a role listens for the others; port 0 takes any free one. */
  service: {
    host: string
    port: number
    /** What it tells the others of where it is, when that is not where it listens: `host`, `host:port` or a URL. */
    advertise: string | undefined
  }
  discovery: { url: string }
  /** Where the fleet is described, and where a cluster reads which turn of the databases it has heard of; undefined where there is none. */
  fleet: { url: string | undefined; epochUrl: string | undefined }
  /** Of whoever keeps a cluster's database servers: its name in the fleet, where those listen, the folder of their certificate. */
  keeper: { cluster: string | undefined; host: string; port: number; tls: string | undefined }
  databases: {
    /** Whether a role brings its schema up to date by itself; otherwise it waits until somebody has. */
    migrate: boolean
    /** How many replicas each database has on a laptop. */
    replicas: number
  }
  /** How often the archive gets a base of the databases, and how long each moment can be gone back to. */
  archive: { baseEveryMs: number; keepMs: number }
  /** Where the shop sells: its country (ISO 3166-1, empty where it is not told), its currency and its days. */
  shop: { country: string; currency: string; timeZone: string }
  catalog: {
    /** Whether a catalogue that never held a book gets the sample one. */
    demo: boolean
    /** How long words that were looked for without a hit are kept; 0 notes none. */
    searchDays: number
  }
  orders: {
    /** How long copies are held for an order that is not paid. */
    holdMs: number
    /** After so many days an order loses its customer; 0 is never. */
    customerDays: number
    /** How long the PDF of a voucher is kept after that was redeemed or revoked; 0 is for ever. */
    voucherDays: number
    /** Orders older than this, and long at rest, are put away from the tables that sell; 0 is never. */
    hotDays: number
  }
  /** Whether an account without a second factor may do nothing but set one up. */
  staff: { email: string; needsSecondFactor: boolean }
  /** How often it is loaded. */
  warehouse: { everyMs: number }
  log: { level: LogLevel; format: 'json' | 'pretty' }
  /** Where spans go, by OTLP over HTTP; without it there are none. `ratio` is the share of orders that are traced. */
  tracing: { url: string | undefined; ratio: number }
  /** What fails on purpose, for staging. */
  faults: readonly FaultName[]
}

export const replicasMax = 6

export type LogLevel = (typeof logLevels)[number]
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const

/**
 * Reads and checks the settings. What is secret is not among them: see `readSecrets`.
 * @throws ConfigError naming the variable and what it should be
 */
export function readConfig(env: Environment): Config {
  const port = integer(env, 'OCTAVO_PORT', 8080, 0, 65_535)
  return {
    version,
    dataPath: dataPathOf(env),
    publicUrl: webAddress(env, 'OCTAVO_URL', `http://localhost:${port}`),
    gateway: {
      host: listenHost(env, 'OCTAVO_HOST'),
      port,
      ...hostsOf(env),
      trustedProxies: addresses(env, 'OCTAVO_TRUSTED_PROXIES'),
      rateLimit: {
        perSecond: integer(env, 'OCTAVO_RATE_LIMIT', 100, 0, 1_000_000),
        isSet: Boolean(env.OCTAVO_RATE_LIMIT),
      },
      alertmanager: env.OCTAVO_ALERTMANAGER ? webAddress(env, 'OCTAVO_ALERTMANAGER', '') : undefined,
      tls: tlsFiles(env),
    },
    service: {
      host: listenHost(env, 'OCTAVO_SERVICE_HOST'),
      port: integer(env, 'OCTAVO_SERVICE_PORT', 0, 0, 65_535),
      advertise: advertised(env),
    },
    discovery: { url: env.OCTAVO_DISCOVERY || 'registry://127.0.0.1:8079' },
    fleet: { url: env.OCTAVO_FLEET || undefined, epochUrl: env.OCTAVO_FLEET_EPOCH || undefined },
    keeper: {
      cluster: env.OCTAVO_CLUSTER
        ? checked(env, 'OCTAVO_CLUSTER', '', isClusterName, 'the name of a cluster such as north')
        : undefined,
      host: env.OCTAVO_DATABASE_HOST || '127.0.0.1',
      port: integer(env, 'OCTAVO_DATABASE_PORT', 5433, 1, 65_534),
      tls: env.OCTAVO_DATABASE_TLS || undefined,
    },
    databases: {
      migrate: oneOf(env, 'OCTAVO_MIGRATE', ['off', 'on']) === 'on',
      replicas: integer(env, 'OCTAVO_REPLICAS', 0, 0, replicasMax),
    },
    archive: {
      baseEveryMs: integer(env, 'OCTAVO_ARCHIVE_BASE_HOURS', 24, 1, 8_760) * 3_600_000,
      keepMs: integer(env, 'OCTAVO_ARCHIVE_DAYS', 7, 1, 3_650) * dayMs,
    },
    shop: {
      country: checked(env, 'OCTAVO_SHOP_COUNTRY', '', isCountry, 'a country of ISO 3166-1 such as DE'),
      currency: checked(env, 'OCTAVO_SHOP_CURRENCY', 'EUR', isCurrency, 'a currency of ISO 4217 such as EUR'),
      timeZone: checked(env, 'OCTAVO_SHOP_TIME_ZONE', 'UTC', isTimeZone, 'a time zone such as Europe/Berlin'),
    },
    catalog: {
      demo: oneOf(env, 'OCTAVO_DEMO', ['off', 'on']) === 'on',
      searchDays: integer(env, 'OCTAVO_SEARCH_DAYS', 90, 0, 36_500),
    },
    orders: {
      holdMs: integer(env, 'OCTAVO_HOLD_SECONDS', 900, 1, 86_400) * 1000,
      voucherDays: integer(env, 'OCTAVO_VOUCHER_DAYS', 0, 0, 36_500),
      customerDays: integer(env, 'OCTAVO_CUSTOMER_DAYS', 0, 0, 36_500),
      hotDays: integer(env, 'OCTAVO_HOT_DAYS', 365, 0, 36_500),
    },
    staff: staffOf(env),
    warehouse: { everyMs: integer(env, 'OCTAVO_WAREHOUSE_SECONDS', 300, 5, 86_400) * 1000 },
    log: {
      level: oneOf(env, 'OCTAVO_LOG_LEVEL', ['info', ...logLevels]),
      format: oneOf(env, 'OCTAVO_LOG_FORMAT', ['json', 'pretty']),
    },
    faults: faultsOf(env),
    tracing: {
      url: env.OCTAVO_OTLP ? webAddress(env, 'OCTAVO_OTLP', '') : undefined,
      ratio: integer(env, 'OCTAVO_TRACE_PERCENT', 5, 0, 100) / 100,
    },
  }
}

/** Of package.json, which alone says it. */
export const version: string = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).version

/** Each secret and the variable that holds it; the variable with `_FILE` at its end names a file that does. */
export const secretVariables = {
  /** Shared by Octavo's processes; keys their signatures. */
  secret: 'OCTAVO_SECRET',
  // A URL is a secret because it may hold a password; its scheme picks the adapter.
  bookDb: 'OCTAVO_BOOK_DB',
  orderDb: 'OCTAVO_ORDER_DB',
  broker: 'OCTAVO_BROKER',
  objectStore: 'OCTAVO_OBJECT_STORE',
  payment: 'OCTAVO_PAYMENT',
  cache: 'OCTAVO_CACHE',
  /** The Ed25519 private key (PEM) that signs voucher codes. Its variable has always named a file. */
  voucherKey: 'OCTAVO_VOUCHER_KEY',
  /** Of the first staff account; without one there is none. */
  staffPassword: 'OCTAVO_STAFF_PASSWORD',
  /** What whoever reads the roles' numbers has to know; without one anybody may read the gateway's. */
  metricsToken: 'OCTAVO_METRICS_TOKEN',
  /** Of the superuser `octavo` of the database servers that a fleet keeps. */
  databasePassword: 'OCTAVO_DATABASE_PASSWORD',
  /** A folder or an object store that keeps both databases' log, and bases of them. */
  archive: 'OCTAVO_ARCHIVE',
} as const

export type SecretName = keyof typeof secretVariables
/** Those that a store can do without. */
type OptionalSecret = 'staffPassword' | 'metricsToken' | 'archive'
const optionalSecrets: readonly SecretName[] = [
  'staffPassword',
  'metricsToken',
  'archive',
] satisfies OptionalSecret[]
export type Secrets<Name extends SecretName = never> = {
  readonly [N in Exclude<Name, OptionalSecret>]: string
} & { readonly [N in Extract<Name, OptionalSecret>]?: string | undefined }

/**
 * Reads the named secrets and no others, so that nobody holds what he does not need.
 * @param warn is told of a file that others on the machine may read
 * @throws ConfigError naming the variable of a secret that is missing or cannot be read
 */
export function readSecrets<Name extends SecretName>(
  env: Environment,
  names: readonly Name[],
  warn: (text: string) => void = () => {},
): Secrets<Name> {
  const found = names.map((name) => {
    const value = secretOf(env, name, warn)
    if (value === undefined && !optionalSecrets.includes(name)) throw new ConfigError(missing(name))
    return [name, value] as const
  })
  return Object.fromEntries(found) as Secrets<Name>
}

function secretOf(env: Environment, name: SecretName, warn: (text: string) => void): string | undefined {
  const variable = secretVariables[name]
  const [value, path] = [env[variable] || undefined, env[`${variable}_FILE`] || undefined]
  if (value !== undefined && path !== undefined)
    throw new ConfigError(`${variable} and ${variable}_FILE are both set; set one of them`)
  if (path !== undefined) return fileText(`${variable}_FILE`, path, warn)
  switch (name) {
    case 'voucherKey':
      return fileText(variable, value ?? `${dataPathOf(env)}/secrets/voucher-key.pem`, warn)
    case 'broker':
      return value ?? secretOf(env, 'orderDb', warn)
    case 'payment':
      return value ?? prefixed('test+', secretOf(env, 'orderDb', warn))
    case 'cache':
      return value ?? 'memory:'
    case 'objectStore':
      return value ?? pathToFileURL(`${dataPathOf(env)}/objects`).href
    default:
      return value
  }
}

/** As Docker and Kubernetes mount secrets: the file's text, without a line end after it. */
function fileText(variable: string, path: string, warn: (text: string) => void): string {
  try {
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    if (text === '') throw new Error('it is empty')
    const othersMayRead = 0o004
    if ((statSync(path).mode & othersMayRead) !== 0)
      warn(`every user of this machine may read ${path}, the secret that ${variable} names`)
    return text
  } catch (error) {
    throw new ConfigError(`${variable}: cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
}

const prefixed = (prefix: string, text: string | undefined) => (text === undefined ? text : prefix + text)

function missing(name: SecretName): string {
  const also: Partial<Record<SecretName, string>> = {
    broker: ' (or OCTAVO_ORDER_DB)',
    payment: ' (or OCTAVO_ORDER_DB)',
  }
  const variable = secretVariables[name]
  return `neither ${variable} nor ${variable}_FILE is set${also[name] ?? ''}; this needs it`
}

function tlsFiles(env: Environment): Config['gateway']['tls'] {
  const [certificate, key] = [env.OCTAVO_TLS_CERT || undefined, env.OCTAVO_TLS_KEY || undefined]
  if (certificate !== undefined && key !== undefined) return { certificate, key }
  if (certificate !== undefined || key !== undefined)
    throw new ConfigError('OCTAVO_TLS_CERT and OCTAVO_TLS_KEY go together; one of them is not set')
  return undefined
}

const staffOf = (env: Environment): Config['staff'] => ({
  email: env.OCTAVO_STAFF_EMAIL || 'staff@localhost.localdomain',
  needsSecondFactor: oneOf(env, 'OCTAVO_SECOND_FACTOR', ['offered', 'required']) === 'required',
})

const dataPathOf = (env: Environment) => resolve(env.OCTAVO_DATA || 'data')
