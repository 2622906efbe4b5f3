import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { openLog } from '#ports/log'
import { until } from '../../../test/support/until.ts'
import { follow, type KubernetesApi, KubernetesError } from './port.ts'

test('somebody hears of a cluster that tells nothing, once, with its reason, and that it does again', async (t) => {
  const lines: { message: string; error?: { message: string } }[] = []
  openLog({ level: 'info', format: 'json', fields: {}, write: (line) => void lines.push(JSON.parse(line)) })
  const stop = new AbortController()
  const forbidden = new KubernetesError(403, 'Forbidden', 'endpointslices is forbidden')
  let isForbidden = true
  const api = {
    get: async () => {
      if (isForbidden) throw forbidden
      return { metadata: { resourceVersion: '1' }, items: [] }
    },
    async *watch() {
      yield { type: 'BOOKMARK', object: { metadata: { name: '', resourceVersion: '2' } } }
    },
  } as unknown as KubernetesApi
  const follower = { replace() {}, changed() {}, gone() {} }
  const following = follow(api, '/things', follower, systemClock, stop.signal)
  t.after(async () => {
    stop.abort()
    await following
  })
  await until(() => lines.length > 0)
  assert.match(JSON.stringify(lines[0]), /endpointslices is forbidden/)
  isForbidden = false
  await until(() => lines.length > 1)
  assert.deepEqual(
    lines.map(({ message }) => message),
    [
      'what changes in the cluster is not heard; what is known stays',
      'what changes in the cluster is heard again',
    ],
  )
})
