import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BookstoreFleet, type FleetMember, readFleet } from './fleet-object.ts'

const [north, south]: FleetMember[] = [
  { name: 'north', url: 'https://north.example.org' },
  { name: 'south', url: 'https://south.example.org' },
]
const edges = ['http://edge-0:8081']
const fleetOf = (spec: Partial<BookstoreFleet['spec']>): BookstoreFleet => ({
  metadata: { name: 'store' },
  spec: { version: '1', clusters: [north, south] as FleetMember[], edges, ...spec },
})
const at = (url: string) => ({ clusters: [{ ...(north as FleetMember), url }] })

test('what cannot be meant is refused with what it is', () => {
  assert.equal(readFleet(fleetOf({})).clusters.length, 2)
  const same = [north, { ...(south as FleetMember), url: 'https://north.example.org' }] as FleetMember[]
  assert.throws(() => readFleet(fleetOf({ clusters: same })), /north and south have one url/)
  assert.throws(
    () => readFleet(fleetOf(at('https://north.example.org:443'))),
    /as a browser shows it, https:\/\/north\.example\.org, and is https:\/\/north\.example\.org:443/,
  )
  const dns = (url: string) => ({ name: 'shop.example.org', edges: [{ url, address: '192.0.2.1' }] })
  assert.ok(readFleet(fleetOf({ dns: dns('http://edge-0:8081') })).dns)
  assert.throws(
    () => readFleet(fleetOf({ dns: dns('http://edge-0:8080') })),
    /the edge http:\/\/edge-0:8080 of dns is none of edges/,
  )
})
