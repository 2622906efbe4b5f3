import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Everything Octavo reads from its environment. The URL of a port picks its adapter by scheme. */
export type Config = {
  /** Where the gateway listens, and how the world reaches it. */
  port: number
  host: string
  publicUrl: string
  /** Folder of everything the laptop default keeps. */
  dataPath: string
  staffEmail: string
  staffPassword: string | undefined
  bookDbUrl: string
  orderDbUrl: string
  brokerUrl: string
  discoveryUrl: string
  objectStoreUrl: string
  paymentUrl: string
  /** Shared by Octavo's processes; keys their signatures. */
  secret: string
  /** Path of the Ed25519 private key (PEM) that signs voucher codes. */
  voucherKeyPath: string
  /** How long copies are held for an order that is not paid. */
  holdMs: number
  /** Where inner services listen; port 0 takes any free one. */
  serviceHost: string
  servicePort: number
  version: string
  /** Whether a catalogue that never held a book gets the sample one. */
  demo: boolean
}

/** A setting that cannot be used, in words for the person who set it. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/**
 * Reads and checks the environment.
 * @throws ConfigError naming the variable and what it should be
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const port = integer(env, 'OCTAVO_PORT', 8080, 0, 65_535)
  const dataPath = resolve(env.OCTAVO_DATA || 'data')
  const orderDbUrl = env.OCTAVO_ORDER_DB ?? ''
  return {
    port,
    host: env.OCTAVO_HOST || '127.0.0.1',
    publicUrl: webAddress(env, 'OCTAVO_URL', `http://localhost:${port}`),
    dataPath,
    staffEmail: env.OCTAVO_STAFF_EMAIL || 'staff@localhost.localdomain',
    staffPassword: env.OCTAVO_STAFF_PASSWORD || undefined,
    bookDbUrl: env.OCTAVO_BOOK_DB ?? '',
    orderDbUrl,
    brokerUrl: env.OCTAVO_BROKER || orderDbUrl,
    discoveryUrl: env.OCTAVO_DISCOVERY || 'registry://127.0.0.1:8079',
    objectStoreUrl: env.OCTAVO_OBJECT_STORE || pathToFileURL(`${dataPath}/objects`).href,
    paymentUrl: env.OCTAVO_PAYMENT || `test+${orderDbUrl}`,
    secret: env.OCTAVO_SECRET ?? '',
    voucherKeyPath: env.OCTAVO_VOUCHER_KEY || `${dataPath}/secrets/voucher-key.pem`,
    holdMs: integer(env, 'OCTAVO_HOLD_SECONDS', 900, 1, 86_400) * 1000,
    serviceHost: env.OCTAVO_SERVICE_HOST || '127.0.0.1',
    servicePort: integer(env, 'OCTAVO_SERVICE_PORT', 0, 0, 65_535),
    version: env.OCTAVO_VERSION || '0.1.0',
    demo: env.OCTAVO_DEMO === 'on',
  }
}

/** @throws ConfigError when a role is started without a setting it cannot do without. */
export function needed(config: Config, name: 'bookDbUrl' | 'orderDbUrl' | 'secret'): string {
  const variable = { bookDbUrl: 'OCTAVO_BOOK_DB', orderDbUrl: 'OCTAVO_ORDER_DB', secret: 'OCTAVO_SECRET' }[
    name
  ]
  if (config[name] === '') throw new ConfigError(`${variable} is not set; this role needs it`)
  return config[name]
}

/** @returns without a slash at its end */
function webAddress(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  fallback: string,
): string {
  const text = env[name] || fallback
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new ConfigError(
      `${name} is "${text}"; it should be the address that readers use, such as https://shop.example.org`,
    )
  return text.replace(/\/+$/, '')
}

function integer(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  fallback: number,
  min: number,
  max: number,
): number {
  const text = env[name]
  if (text === undefined || text === '') return fallback
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new ConfigError(`${name} is "${text}"; it should be a whole number from ${min} to ${max}`)
  return value
}
