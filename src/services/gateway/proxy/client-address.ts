import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

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
  const list = new BlockList()
  for (const range of trusted) addRange(list, range)
  const isTrusted = (address: string) => {
    const kind = isIP(address)
    return kind !== 0 && list.check(address, kind === 6 ? 'ipv6' : 'ipv4')
  }
  return ({ socket, headers }) => {
    const peer = plain(socket.remoteAddress ?? '')
    if (trusted.length === 0 || !isTrusted(peer)) return peer
    const hops = String(headers['x-forwarded-for'] ?? '')
      .slice(-headerCharactersMax)
      .split(',')
      .slice(-hopsMax)
      .map((hop) => plain(hop.trim()))
    // From the nearest on: the first that is no proxy of ours is whom they ask for.
    for (const hop of hops.reverse()) {
      if (isIP(hop) === 0) break
      if (!isTrusted(hop)) return hop
    }
    return peer
  }
}

/** IPv4 in IPv6 is IPv4; a network of IPv6 is one client, for whoever has one has all of it. */
export function limitKey(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = ''] = address.split('::')
  return head.split(':').slice(0, 4).join(':')
}

const plain = (address: string) =>
  address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address

function addRange(list: BlockList, range: string): void {
  const [address = '', bits] = range.split('/', 2)
  const kind = isIP(address)
  if (kind === 0) throw new TypeError(`"${range}" is no address or range of addresses`)
  const family = kind === 6 ? 'ipv6' : 'ipv4'
  if (bits === undefined) list.addAddress(address, family)
  else list.addSubnet(address, Number(bits), family)
}
