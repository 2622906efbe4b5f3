import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubernetesApi } from '#ports/kubernetes'
import { openPlacements } from './placements.ts'

test('a placement that cannot be read decides nothing and fails nobody, and is read again', async () => {
  let [nowMs, isRefused] = [0, false]
  const items = [{ status: { decisions: [{ clusterName: 'b' }, { clusterName: 'a' }] } }]
  const get = async () => {
    if (isRefused) throw new Error('it is forbidden')
    return { items }
  }
  const placements = openPlacements({ get } as unknown as KubernetesApi, () => nowMs)
  const asked = () => placements.ask('octavo', 'stores')
  assert.deepEqual(await asked(), ['b', 'a'])
  ;[nowMs, isRefused] = [10_000, true]
  assert.equal(await asked(), undefined)
  ;[nowMs, isRefused] = [20_000, false]
  assert.deepEqual(await asked(), ['b', 'a'])
})
