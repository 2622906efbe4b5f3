import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPublicAddress } from './public-address.ts'

test('addresses of this machine, of networks around it and of no one are not public, however they are written', () => {
  for (const address of ['93.184.216.34', '1.1.1.1', '2606:4700::1111', '2a00:1450:4001:82a::200e'])
    assert.equal(isPublicAddress(address), true, address)
  const inside = `0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.170
    192.168.1.1 198.18.0.1 203.0.113.7 224.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::127.0.0.1 fc00::1
    fd12::1 fe80::1 ff02::1 64:ff9b::7f00:1 2001::1 2002:7f00:1:: 2001:db8::1 3fff::1 localhost 127.1 0x7f000001 1.2.3`
  for (const address of inside.split(/\s+/)) assert.equal(isPublicAddress(address), false, address)
})
