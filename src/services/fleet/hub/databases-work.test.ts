import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Told } from '../decisions/topology.ts'
import { databasesWorkOf, seenDatabases } from './databases-work.ts'
import type { ManifestWork } from './objects.ts'

const operator = {
  namespace: 'octavo',
  names: { 'order-db': 'orders', 'book-db': 'books' },
  clusters: ['north'],
}
const parts = { fleet: 'store', cluster: 'north', operator }
const replica = { primary: 'south', source: 'south', token: '' }

test('a work says where the primaries are and nothing else, and takes nothing away when it goes', () => {
  const told: Told = {
    'order-db': { ...replica, primary: 'north', token: 'T' },
    'book-db': replica,
    telling: 4,
    home: 'north',
    isUnsettled: true,
  }
  const work = databasesWorkOf({ ...parts, told })
  const [orders, books] = work.spec.workload.manifests
  assert.deepEqual(orders?.spec, {
    replica: { self: 'north', primary: 'north', source: 'south', promotionToken: 'T' },
  })
  assert.deepEqual(books?.spec, { replica: { self: 'north', primary: 'south', source: 'south' } })
  assert.equal(work.spec.deleteOption?.propagationPolicy, 'Orphan')
  assert.ok(
    work.spec.manifestConfigs?.every(({ updateStrategy }) => updateStrategy?.type === 'ServerSideApply'),
  )
  assert.deepEqual(seenDatabases(work, operator).told, told)
})

test('one that only looks changes nothing', () => {
  const work = databasesWorkOf({ ...parts, told: 'look' })
  assert.ok(work.spec.workload.manifests.every(({ spec }) => spec === undefined))
  assert.ok(work.spec.manifestConfigs?.every(({ updateStrategy }) => updateStrategy?.type === 'ReadOnly'))
  assert.equal(seenDatabases(work, operator).told, 'look')
})

test('what a cluster says of its databases is read, and what it does not say is not made up', () => {
  const values = { primary: 'north', uid: '1', demotionToken: 'T', ready: 2 }
  const status: ManifestWork['status'] = {
    resourceStatus: {
      manifests: [
        {
          resourceMeta: { kind: 'Cluster', name: 'orders' },
          statusFeedback: {
            values: Object.entries(values).map(([name, value]) => ({
              name,
              fieldValue:
                typeof value === 'number'
                  ? { type: 'Integer', integer: value }
                  : { type: 'String', string: value },
            })),
          },
        },
        { resourceMeta: { kind: 'Cluster', name: 'books' }, statusFeedback: { values: [] } },
      ],
    },
  }
  const { copies } = seenDatabases({ ...databasesWorkOf({ ...parts, told: 'look' }), status }, operator)
  assert.equal(copies['book-db'], undefined)
  assert.deepEqual(copies['order-db'], {
    ...{ primary: 'north', given: '', demotionToken: 'T', taken: '', uid: '1', system: '', phase: '' },
    ...{ ready: 2, timeline: 0, telling: 0, home: '', isUnsettled: false },
  })
})
