import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
export type Environment = Readonly<Record<string, string | undefined>>

/** A setting that cannot be used, in words for the person who set it. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/** @returns without a slash at its end */
export function webAddress(env: Environment, name: string, fallback: string): string {
  const text = env[name] || fallback
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new ConfigError(
      `${name} is "${text}"; it should be the address that readers use, such as https://shop.example.org`,
    )
  return text.replace(/\/+$/, '')
}

/** @param allowed the first of them is the default */
export function oneOf<T extends string>(env: Environment, name: string, allowed: readonly [T, ...T[]]): T {
  const text = env[name]
  if (text === undefined || text === '') return allowed[0]
  const found = allowed.find((each) => each === text)
  if (found === undefined)
    throw new ConfigError(`${name} is "${text}"; it should be one of ${[...new Set(allowed)].join(', ')}`)
  return found
}

export function integer(env: Environment, name: string, fallback: number, min: number, max: number): number {
  const text = env[name]
  if (text === undefined || text === '') return fallback
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new ConfigError(`${name} is "${text}"; it should be a whole number from ${min} to ${max}`)
  return value
}

/** @throws ConfigError for a value that is none of its kind */
export function checked(
  env: Environment,
  name: string,
  fallback: string,
  isFine: (text: string) => boolean,
  kind: string,
): string {
  const text = env[name] || fallback
  if (text !== fallback && !isFine(text)) throw new ConfigError(`${name} is "${text}"; it should be ${kind}`)
  return text
}

/** Where to listen; `*` is every address that this machine has, of whichever kinds it has. */
export function listenHost(env: Environment, name: string): string {
  const text = env[name] || '127.0.0.1'
  if (text !== '*') return text
  const all = Object.values(networkInterfaces()).flat()
  return all.some((each) => each?.family === 'IPv6') ? '::' : '0.0.0.0'
}

export const isCountry = (text: string) => /^[A-Z]{2}$/.test(text)

export function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    return false
  }
}

/** Addresses and ranges, with commas between them. */
export function addresses(env: Environment, name: string): readonly string[] {
  const all = (env[name] ?? '').split(',').flatMap((text) => text.trim() || [])
  for (const text of all) {
    const [address = '', bits = '0'] = text.split('/')
    const bitsMax = isIP(address) === 6 ? 128 : 32
    if (isIP(address) === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > bitsMax)
      throw new ConfigError(`${name} has "${text}"; it should be addresses or ranges such as 10.0.0.0/8`)
  }
  return all
}

/** What a role tells the others of where it is, if that is set. @throws ConfigError */
export function advertised(env: Environment): string | undefined {
  const text = env.OCTAVO_ADVERTISE || undefined
  if (text === undefined) return undefined
  const url = URL.canParse(text) && /^https?:\/\//.test(text) ? text : `http://${text}`
  if (!URL.canParse(url) || /[\s@]/.test(text))
    throw new ConfigError(
      `OCTAVO_ADVERTISE is "${text}"; it should be a host, host:port or http://host:port that the other roles can reach`,
    )
  return text
}
