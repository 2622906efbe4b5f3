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
