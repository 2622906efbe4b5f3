import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endpointsOf } from '../hub/name-edges.ts'
import { decide } from './decide.ts'
import { type FleetMemory, type FleetSpec, freshMemory, type Seen } from './model.ts'

const rollout = {
  ...{ canaryPercent: 5, soakMs: 1, ordersMin: 0, readyLimitMs: 1, failedPercentMax: 1, slowPercentMax: 1 },
}
const spec: FleetSpec = {
  ...{
    paused: false,
    dryRun: false,
    version: '1',
    clusters: [],
    clustersMin: 1,
    rollout,
    databases: undefined,
    placement: '',
  },
  dns: {
    ...{ name: 'shop.example.org', ttlSeconds: 30 },
    edges: [
      { url: 'http://one', address: '192.0.2.1' },
      { url: 'http://two', address: '192.0.2.2' },
    ],
  },
}
const seenBy = (...urls: string[]): Seen => ({
  ...{ clusters: new Map(), versions: [], followed: 0, heard: { revision: 0, epoch: 0 }, demand: 0 },
  ...{ kept: new Map(), answering: new Set(urls), decided: undefined },
})

test('the shop’s name leads to the edges that answer, and to all when none does', () => {
  let memory: FleetMemory = freshMemory
  const at = (seconds: number, ...urls: string[]) => {
    const decision = decide(spec, seenBy(...urls), memory, 1_000_000 + seconds * 1_000)
    memory = decision.memory
    return decision.actions.flatMap((each) => (each.kind === 'name' ? [each.targets.join()] : []))
  }
  assert.deepEqual(at(0, 'http://one', 'http://two'), ['192.0.2.1,192.0.2.2'])
  assert.deepEqual(at(1, 'http://one'), [], 'one that is silent for a moment may answer again')
  assert.deepEqual(at(6, 'http://one'), ['192.0.2.1'])
  assert.deepEqual(at(7), [], 'the other one has only just gone')
  assert.deepEqual(at(13), ['192.0.2.1,192.0.2.2'], 'all of them cannot be meant to be left out')
  assert.deepEqual(at(14, 'http://two'), ['192.0.2.2'])
  assert.deepEqual(at(80, 'http://two'), ['192.0.2.2'], 'written again, should somebody have changed it')
})

test('each kind of address has a record of its own, and a name that is another’s has nothing beside it', () => {
  const kinds = (...targets: string[]) =>
    endpointsOf('shop.example.org', 30, targets).map(
      ({ recordType, targets: [first] }) => `${recordType} ${first}`,
    )
  assert.deepEqual(kinds('192.0.2.1', '2001:db8::1'), ['A 192.0.2.1', 'AAAA 2001:db8::1'])
  assert.deepEqual(kinds('edge.example.net'), ['CNAME edge.example.net'])
  assert.deepEqual(kinds('edge.example.net', '192.0.2.1'), ['A 192.0.2.1'])
})
