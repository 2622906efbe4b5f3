import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EdgeState } from '#services/edge'
import { orderTallies } from './order-tallies.ts'

const edge = (instance: string, ordersTaken: number, ordersFailed = 0): EdgeState => ({
  ...{ instance, revision: 1, epoch: 1 },
  clusters: [
    {
      ...{ name: 'a', isUp: true, isMixed: false, isProbed: true, isCutOff: false, isSlow: false },
      ...{ weight: 100, takesWrites: true, inFlight: 0, streams: 0, requests: 0, failed: 0 },
      ...{ rerouted: 0, behind: 0, trips: 0, downs: 0, ordersTaken, ordersFailed, ordersSlow: 0 },
    },
  ],
})

test('an edge that was silent for a while is no wave of orders when it answers again', () => {
  const tallies = orderTallies()
  const all = ['one', 'two']
  tallies.note('one', edge('1', 5_000), 0)
  tallies.note('two', edge('2', 900_000), 0)
  assert.equal(tallies.rates(all).get('a'), undefined, 'one look is no rate')
  tallies.note('one', edge('1', 5_010), 1_000)
  assert.equal(tallies.rates(['one']).get('a'), 10)
  assert.equal(tallies.of(all, 'a').taken, 905_010, 'what the silent one has counted still counts')
  tallies.note('one', edge('1', 5_020), 2_000)
  tallies.note('two', edge('2', 900_020), 2_000)
  assert.equal(tallies.rates(all).get('a'), 20)
  assert.equal(tallies.of(all, 'a').taken, 905_040)
})

test('what failed is not forgotten when an edge starts again', () => {
  const tallies = orderTallies()
  tallies.note('one', edge('1', 1_000, 50), 0)
  tallies.note('one', edge('2', 10, 4), 1_000)
  assert.deepEqual(tallies.of(['one'], 'a'), { taken: 1_010, failed: 54, slow: 0 })
  assert.equal(tallies.rates(['one']).get('a'), 14)
  tallies.note('one', edge('2', 3, 0), 2_000)
  assert.deepEqual(
    tallies.of(['one'], 'a'),
    { taken: 1_013, failed: 54, slow: 0 },
    'nor when a cluster is back',
  )
  assert.deepEqual(tallies.of(['two'], 'b'), { taken: 0, failed: 0, slow: 0 })
})
