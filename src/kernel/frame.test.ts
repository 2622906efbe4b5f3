import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeFrame, encodeFrame } from './frame.ts'
import { packTexts, packUuids, unpackBytes } from './packed-list.ts'

test('a frame gives back its head and its lists', () => {
  const head = { name: 'Ünï 書', numbers: [1, 2] }
  const lists = [packTexts(['a', '', '書']), packUuids([]), packTexts(['last'])]
  const decoded = decodeFrame(encodeFrame(head, lists))
  assert.deepEqual(decoded.head, head)
  const texts = decoded.lists.map((list) => unpackBytes(list).map((each) => each.toString()))
  assert.deepEqual(texts, [['a', '', '書'], [], ['last']])
})

test('a frame that was cut off, or goes on, is noticed', () => {
  const frame = encodeFrame({}, [packTexts(['text'])])
  for (const wrong of [frame.subarray(0, 2), frame.subarray(0, -1), Buffer.concat([frame, Buffer.from('x')])])
    assert.throws(() => decodeFrame(wrong))
})
