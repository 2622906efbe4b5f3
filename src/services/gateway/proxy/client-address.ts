import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { addressRanges, plainAddress } from '#ports/http'

/** Tells who asks: the peer, or whom trusted proxies before us say they ask for. */
export type ClientAddress = (request: IncomingMessage) => string

/** Proxies in a row that are believed; nobody has more. */
const hopsMax = 10
const headerCharactersMax = 1_000

/**
 * @param trusted addresses and ranges of proxies, such as `10.0.0.0/8`; what others say of forwarding is not believed
 * @throws TypeError for what is no address or range
 */
export function clientAddress(trusted: readonly string[]): ClientAddress {
  const isTrusted = addressRanges(trusted)
  return ({ socket, headers }) => {
    const peer = plainAddress(socket.remoteAddress ?? '')
    if (trusted.length === 0 || !isTrusted(peer)) return peer
    const hops = String(headers['x-forwarded-for'] ?? '')
      .slice(-headerCharactersMax)
      .split(',')
      .slice(-hopsMax)
      .map((hop) => plainAddress(withoutPort(hop.trim())))
    // From the nearest on: the first that is no proxy of ours is whom they ask for.
    for (const hop of hops.reverse()) {
      if (isIP(hop) === 0) break
      if (!isTrusted(hop)) return hop
    }
    return peer
  }
}

/** Some proxies write the client's port as well: `198.51.100.1:4711`, `[2001:db8::7]:4711`. */
const withoutPort = (hop: string) =>
  /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop

/** This very machine. */
export const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1'
