import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { networkOf } from '#ports/http'
import { clientAddress } from './client-address.ts'

const asked = (peer: string, forwarded?: string) =>
  ({
    socket: { remoteAddress: peer },
    headers: { 'x-forwarded-for': forwarded },
  }) as unknown as IncomingMessage

test('nobody is believed who is no proxy of ours', () => {
  const none = clientAddress([])
  assert.equal(none(asked('203.0.113.5', '10.0.0.1')), '203.0.113.5')
  assert.equal(none(asked('::ffff:203.0.113.5')), '203.0.113.5')
  assert.equal(clientAddress(['10.0.0.0/8'])(asked('203.0.113.5', '1.2.3.4')), '203.0.113.5')
})

test('of a chain of proxies the first that is not ours is the client, whatever it says of others', () => {
  const of = clientAddress(['10.0.0.0/8', 'fd00::/8'])
  assert.equal(of(asked('10.0.0.1', '198.51.100.1')), '198.51.100.1')
  assert.equal(of(asked('10.0.0.1', 'evil, 198.51.100.1, 10.2.2.2')), '198.51.100.1')
  assert.equal(of(asked('fd00::1', '2001:db8::7')), '2001:db8::7')
  assert.equal(of(asked('10.0.0.1', '198.51.100.1:4711, 10.2.2.2:80')), '198.51.100.1')
  assert.equal(of(asked('10.0.0.1', '[2001:db8::7]:4711')), '2001:db8::7')
  assert.equal(of(asked('10.0.0.1', '[2001:db8::7]')), '2001:db8::7')
  assert.equal(of(asked('10.0.0.1', 'nonsense')), '10.0.0.1')
  assert.equal(of(asked('10.0.0.1', `${'1.1.1.1, '.repeat(5_000)}198.51.100.1`)), '198.51.100.1')
  assert.throws(() => clientAddress(['10.0.0/8']), /no address/)
})

test('a network of IPv6 is one client', () => {
  const of = (...addresses: string[]) => addresses.map(networkOf)
  assert.deepEqual(
    of('2001:db8:1:2:3:4:5:6', '2001:db8:1:2:ffff::1', '2001:db8::7', '2001:db8:0:0:5::', '::1', '::'),
    ['2001:db8:1:2', '2001:db8:1:2', '2001:db8:0:0', '2001:db8:0:0', '0:0:0:0', '0:0:0:0'],
  )
  assert.deepEqual(of('198.51.100.1', '64:ff9b::192.0.2.1', ''), ['198.51.100.1', '64:ff9b:0:0', ''])
})
