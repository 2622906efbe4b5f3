import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEntries } from './entries.ts'

const bytesMax = 1_000_000
const entryOf = (tags: string[], bytes = 1_000) => ({
  ...{ headers: {}, body: Buffer.alloc(bytes), tags, madeAtMs: 0, isOwn: true },
})

test('a flood of what is asked for once does not drive out what is read again and again', () => {
  const entries = createEntries(bytesMax)
  for (let i = 0; i < 100; i++) entries.set(`read ${i}`, entryOf([]), 1)
  for (let i = 0; i < 100; i++) entries.get(`read ${i}`)
  for (let i = 0; i < 10_000; i++) entries.set(`odd ${i}`, entryOf([]), 1)
  assert.ok(entries.bytes <= bytesMax)
  for (let i = 0; i < 100; i++) assert.ok(entries.get(`read ${i}`), `read ${i}`)
  assert.equal(entries.get('odd 0'), undefined)
})

test('the bound holds whatever is read, and what was read longest ago goes first', () => {
  const entries = createEntries(bytesMax)
  for (let i = 0; i < 2_000; i++) {
    entries.set(`key ${i}`, entryOf(['all']), 1)
    entries.get(`key ${i}`)
    assert.ok(entries.bytes <= bytesMax)
  }
  assert.equal(entries.get('key 0'), undefined)
  assert.ok(entries.get('key 1999'))
  assert.equal(entries.tagged('all').length, entries.count, 'what went is under no tag any more')
})

test('entries are found by each of their tags, by the newest answer alone', () => {
  const entries = createEntries(bytesMax)
  entries.set('list', entryOf(['book:1', 'book:2']), 1)
  entries.set('list', entryOf(['book:2', 'book:3']), 1)
  assert.deepEqual(
    ['book:1', 'book:2', 'book:3'].map((tag) => entries.tagged(tag).length),
    [0, 1, 1],
  )
})
