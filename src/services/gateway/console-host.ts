import type { IncomingMessage } from 'node:http'
import { hostName } from './request-fault.ts'

/**
 * The console on a host of its own, so that nothing on the shop's pages can reach a session of the staff: a browser keeps
 * the two apart. Source: OWASP ASVS 5.0, 3.5.4.
 */
export type ConsoleHost = {
  /** Where its pages are. */
  readonly origin: string
  /** Whether a request is for the console's host. */
  isOwn(request: IncomingMessage): boolean
  /**
   * The address of a page that lies on the other host than it was asked at, or undefined.
   * @param path decoded; `target` is as it was sent
   */
  elsewhere(request: IncomingMessage, path: string, target: string): string | undefined
}

const hasExtension = (path: string) => /\.\w{1,12}$/.test(path)

export function consoleHost(publicUrl: string, consoleUrl: string): ConsoleHost {
  const { hostname, origin } = new URL(consoleUrl)
  const isOwn = ({ headers }: IncomingMessage) => hostName(headers.host) === hostname
  return {
    origin,
    isOwn,
    elsewhere(request, path, target) {
      // The shop and the console are made of the same files, which lie on both.
      if (hasExtension(path)) return undefined
      const isConsole = path === '/console' || path.startsWith('/console/')
      if (isConsole === isOwn(request)) return undefined
      if (path === '/') return '/console/'
      return (isConsole ? origin : new URL(publicUrl).origin) + target
    },
  }
}
