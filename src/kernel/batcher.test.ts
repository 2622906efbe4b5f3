import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBatcher } from './batcher.ts'

test('what arrives in one turn rides together, and what arrives meanwhile rides in the next batch', async () => {
  const { batcher, batches, release } = gated()
  for (const item of [1, 2]) batcher.add(item)
  await turn()
  for (const item of [3, 4, 5]) batcher.add(item)
  assert.equal(batcher.waiting, 3)
  release()
  await turn()
  release()
  await batcher.idle()
  assert.deepEqual(batches, [
    [1, 2],
    [3, 4, 5],
  ])
})

test('a batch is at most so large, and order is kept', async () => {
  const { batcher, batches, release } = gated({ batchMax: 2 })
  for (const item of [1, 2, 3, 4, 5]) batcher.add(item)
  for (let i = 0; i < 3; i++) {
    await turn()
    release()
  }
  await batcher.idle()
  assert.deepEqual(batches, [[1, 2], [3, 4], [5]])
})

test('a full queue takes nothing more until a batch leaves it', async () => {
  const { batcher, release } = gated({ queueMax: 2 })
  assert.ok(batcher.add(1))
  await turn()
  assert.deepEqual([2, 3, 4].map(batcher.add), [true, true, false])
  release()
  await turn()
  assert.ok(batcher.add(4))
  release()
  await turn()
  release()
  await batcher.idle()
})

test('an idle batcher begins again', async () => {
  const { batcher, batches, release } = gated()
  await batcher.idle()
  for (const item of [1, 2]) {
    batcher.add(item)
    await turn()
    release()
    await batcher.idle()
  }
  assert.deepEqual(batches, [[1], [2]])
})

/** A batcher whose batches each wait to be released. */
function gated(limits: { batchMax?: number; queueMax?: number } = {}) {
  const batches: number[][] = []
  let release = () => {}
  const batcher = createBatcher<number>({
    ...{ batchMax: 10, queueMax: 10, ...limits },
    run: (batch) => {
      batches.push(batch)
      return new Promise((resolve) => {
        release = resolve
      })
    },
  })
  return { batcher, batches, release: () => release() }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
