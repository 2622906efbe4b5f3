import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCluster } from '../../../../test/support/edge.ts'
import { openEdges } from './edges.ts'

const one = {
  ...{ name: 'a', isUp: true, version: '1', isMixed: false, isProbed: true, isCutOff: false, isSlow: false },
  ...{ weight: 100, takesWrites: true, inFlight: 0, streams: 0, requests: 0, failed: 0, rerouted: 0 },
  ...{ behind: 0, trips: 0, downs: 0, ordersTaken: 5, ordersFailed: 0, ordersSlow: 0 },
}
const good = { instance: 'i', revision: 7, epoch: 1, clusters: [one] }

test('who answers as no edge does is one that does not answer, and stops nobody', async (t) => {
  let said: unknown = good
  const edge = await startCluster(t, (_, response) => response.end(JSON.stringify(said)))
  const edges = openEdges('a secret', () => performance.now())
  t.after(() => edges[Symbol.asyncDispose]())
  const seen = await edges.ask([edge.url])
  assert.deepEqual([seen.followed, seen.clusters.get('a')?.isUp], [7, true])
  const wrongs: unknown[] = [
    ...[{}, null, [], 'yes', { ...good, clusters: undefined }, { ...good, clusters: [null] }],
    ...[
      { ...good, clusters: [{ ...one, ordersTaken: 'many' }] },
      { ...good, revision: -1 },
    ],
    ...[
      { ...good, revision: Number.MAX_SAFE_INTEGER },
      { ...good, epoch: 1e300 },
    ],
  ]
  for (const wrong of wrongs) {
    said = wrong
    const { followed, answering, heard, clusters } = await edges.ask([edge.url])
    assert.deepEqual([followed, answering.size, clusters.size], [undefined, 0, 0], JSON.stringify(wrong))
    assert.deepEqual(heard, { revision: 0, epoch: 0 })
  }
})
