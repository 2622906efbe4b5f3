import assert from 'node:assert/strict'
import { test } from 'node:test'
import { epochLabel, type Manifest } from './objects.ts'
import { seenWork, workOf } from './work.ts'

const map = (name: string, labels: Record<string, string>): Manifest => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'octavo', labels } },
  data: { epoch: '0', other: 'kept' },
})
const parts = { fleet: 'store', cluster: 'north', version: '1', epoch: 7 }

test('a work tells its cluster which turn the databases are in, where the store has a place for it', () => {
  const manifests = [map('settings', {}), map('fleet', { [epochLabel]: '' })]
  const work = workOf({ ...parts, manifests })
  const [settings, fleet] = work.spec.workload.manifests
  assert.deepEqual(settings?.data, { epoch: '0', other: 'kept' })
  assert.deepEqual(fleet?.data, { epoch: '7' })
  assert.equal(seenWork(work).epoch, 7)
})

test('a work whose store goes by no turn says nothing of one, so that none is ever written for it', () => {
  const work = workOf({ ...parts, manifests: [map('settings', {})] })
  assert.equal(work.metadata.labels?.[epochLabel], undefined)
  assert.equal(seenWork(work).epoch, undefined)
})
