import { ConfigError, type Environment, webAddress } from './setting-values.ts'

type Hosts = { hosts: readonly string[] | undefined; consoleUrl: string | undefined }

/**
 * The names that the store answers to: that in OCTAVO_URL, and this machine's own where it is one of them; and that in
 * OCTAVO_CONSOLE_URL, which is for the console alone.
 * @throws ConfigError for a console that has no host of its own
 */
export function hostsOf(env: Environment): Hosts {
  if (!env.OCTAVO_URL && !env.OCTAVO_CONSOLE_URL) return { hosts: undefined, consoleUrl: undefined }
  const shop = new URL(webAddress(env, 'OCTAVO_URL', 'http://localhost'))
  const own = ['localhost', '127.0.0.1', '[::1]']
  const hosts = own.includes(shop.hostname) ? own : [shop.hostname]
  if (!env.OCTAVO_CONSOLE_URL) return { hosts, consoleUrl: undefined }
  const ofConsole = new URL(webAddress(env, 'OCTAVO_CONSOLE_URL', ''))
  if (!env.OCTAVO_URL || hosts.includes(ofConsole.hostname) || ofConsole.protocol !== shop.protocol)
    throw new ConfigError('OCTAVO_CONSOLE_URL needs another host than OCTAVO_URL, and the same scheme')
  return { hosts: [...hosts, ofConsole.hostname], consoleUrl: ofConsole.origin }
}
