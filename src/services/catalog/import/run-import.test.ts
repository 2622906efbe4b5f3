import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { openStore } from '../store/open-store.ts'
import { runImport } from './run-import.ts'
import { importDefaults, type SourceRecord } from './source.ts'

test('an import of nothing but wrong records tells its progress and heeds its signal', async () => {
  const stop = new AbortController()
  let given = 0
  async function* wrongRecords(): AsyncGenerator<SourceRecord> {
    for (let record = 1; record <= 5_000; record++) {
      given++
      yield { record, kind: 'wrong', message: 'is wrong' }
    }
  }
  const read: number[] = []
  // Nothing listens there: wrong records never reach the database.
  await using store = await openStore('postgres://127.0.0.1:1/none', { applicationName: 'test' })
  const work = runImport(store.books, systemClock, wrongRecords(), importDefaults, {
    signal: stop.signal,
    onProgress: (counts) => {
      read.push(counts.read)
      if (counts.read >= 1_000) stop.abort(new Error('stopped'))
    },
  })
  await assert.rejects(work, /stopped/)
  assert.deepEqual(read, [500, 1_000])
  assert.ok(given <= 1_500, 'no more than the next batch is read')
})
