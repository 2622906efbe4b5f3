import { BlockList, isIP } from 'node:net'

/**
 * Whether an address is one of these.
 * @param ranges addresses and ranges, such as `10.0.0.0/8`
 * @throws TypeError for what is no address or range
 */
export function addressRanges(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const range of ranges) addRange(list, range)
  return (address) => {
    const kind = isIP(address)
    return kind !== 0 && list.check(address, kind === 6 ? 'ipv6' : 'ipv4')
  }
}

/**
 * Whoever has one address of IPv6 has all of its network, so that counts as one client: the first 64 bits, as
 * `2001:db8:0:7`. Source: RFC 6177. An address of IPv4 stays as it is.
 */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address
  const [before = '', after] = address.split('::')
  const first = before === '' ? [] : before.split(':')
  const last = after === undefined || after === '' ? [] : after.split(':')
  // An address of IPv4 at the end stands for two groups.
  const groups = first.length + last.length + (address.includes('.') ? 1 : 0)
  const zeros = Array.from({ length: Math.max(0, 8 - groups) }, () => '0')
  return [...first, ...zeros, ...last].slice(0, 4).join(':')
}

/** IPv4 in IPv6 is IPv4. */
export const plainAddress = (address: string) =>
  address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address

function addRange(list: BlockList, range: string): void {
  const [address = '', bits] = range.split('/', 2)
  const kind = isIP(address)
  if (kind === 0) throw new TypeError(`"${range}" is no address or range of addresses`)
  const family = kind === 6 ? 'ipv6' : 'ipv4'
  if (bits === undefined) list.addAddress(address, family)
  else list.addSubnet(address, Number(bits), family)
}
