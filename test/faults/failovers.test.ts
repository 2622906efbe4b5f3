import assert from 'node:assert/strict'
import { test } from 'node:test'
import { broughtElsewhere } from '../support/book-db.ts'
import { type FailoverOptions, loseWithoutQuorum, runFailovers } from './failover-run.ts'
import { startFaultyStore } from './faulty-store.ts'
import { addTitles } from './titles.ts'

// The long form, 10 000 orders and ten failovers of each database, is the program `failovers.ts`.
test('a store whose primaries are lost again and again', {
  timeout: 600_000,
  skip: broughtElsewhere,
}, async (t) => {
  const replicas = 2
  const store = await startFaultyStore(t, { holdSeconds: 8, replicas })
  const options: FailoverOptions = {
    ...{ replicas, isbns: await addTitles(store, [1_000_000, 60]), acknowledgedMin: 60 },
    ...{ clients: 8, clientPauseMs: 100 },
    strikes: [
      { database: 'book-db', way: 'kill' },
      { database: 'order-db', way: 'partition' },
      { database: 'book-db', way: 'freeze' },
      { database: 'order-db', way: 'switchover' },
    ],
    onStrike: ({ database, way, withoutWriteMs }) =>
      t.diagnostic(`${database} ${way}: ${withoutWriteMs} ms without a write`),
  }

  await t.test('nothing acknowledged is lost, doubled, oversold, in doubt or not found', async (t) => {
    const run = await runFailovers(store, options)
    t.diagnostic(`${run.acknowledged} orders acknowledged`)
    assert.deepEqual([...run.lost, ...run.findings, ...run.wrong], [])
    assert.equal(run.inDoubt, 0)
  })

  await t.test('the checks notice commits that wait for no replica', async () => {
    const run = await loseWithoutQuorum(store, {
      ...{ ...options, acknowledgedMin: 0 },
      strikes: [{ database: 'order-db', way: 'cut off, then kill' }],
    })
    assert.notDeepEqual(run.lost, [])
  })
})
