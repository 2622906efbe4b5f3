import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BookstoreFleet, type FleetMember, mistakesIn, readFleet } from './fleet-object.ts'

const [north, south]: FleetMember[] = [
  { name: 'north', url: 'https://north.example.org' },
  { name: 'south', url: 'https://south.example.org' },
]
const edges = ['http://edge-0:8081']
const fleetOf = (spec: Partial<BookstoreFleet['spec']>): BookstoreFleet => ({
  metadata: { name: 'store' },
  spec: { version: '1', clusters: [north, south] as FleetMember[], edges, ...spec },
})

test('an address is read as edges go by it, and what is none is refused', () => {
  const read = (url: string) => readFleet(fleetOf({ clusters: [{ name: 'north', url }] })).clusters[0]?.url
  assert.equal(read('https://North.example.org:443'), 'https://north.example.org')
  assert.equal(read('http://10.0.0.1:8080/'), 'http://10.0.0.1:8080')
  for (const url of [
    'north',
    'ftp://north',
    'https://north/shop',
    'https://ada:secret@north',
    'https://north?a',
  ])
    assert.throws(() => read(url), /the url of north should be/, url)
})

test('what was probably not meant is told', () => {
  const dns = (url: string) => ({ name: 'shop.example.org', edges: [{ url, address: '192.0.2.1' }] })
  assert.deepEqual(mistakesIn(fleetOf({ clustersMin: 2, dns: dns('http://edge-0:8081') })), [])
  const same = [north, { ...(south as FleetMember), url: 'https://north.example.org' }] as FleetMember[]
  assert.deepEqual(mistakesIn(fleetOf({ clusters: same, clustersMin: 3, dns: dns('http://edge-0:8080') })), [
    'north and south have one url, https://north.example.org, and are judged as one',
    'http://edge-0:8080 of dns is none of edges, and is left out of shop.example.org',
    '3 clusters are wanted at least, and there are 2',
  ])
})
