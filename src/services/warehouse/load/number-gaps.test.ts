import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gapsAfter } from './number-gaps.ts'

const now = { ms: 1_000, mayClose: false }

test('numbers that were passed over are looked at until they are seen, or nothing can come any more', () => {
  const first = gapsAfter({ max: 0, open: [] }, [1, 2, 5, 9], now)
  assert.deepEqual(first, {
    max: 9,
    open: [
      { from: 3, to: 4, sinceMs: 1_000 },
      { from: 6, to: 8, sinceMs: 1_000 },
    ],
  })
  const second = gapsAfter(first, [4, 7], { ...now, ms: 2_000 })
  assert.deepEqual(
    second.open.map(({ from, to }) => [from, to]),
    [
      [3, 3],
      [6, 6],
      [8, 8],
    ],
  )
  assert.equal(gapsAfter(second, [], { ms: 3 * 3_600_000, mayClose: false }).open.length, 3)
  assert.equal(gapsAfter(second, [], { ms: 3 * 3_600_000, mayClose: true }).open.length, 0)
})

test('no gap is begun where nothing can come any more', () => {
  const { open } = gapsAfter({ max: 0, open: [] }, [2, 4, 6], { ...now, final: 4 })
  assert.deepEqual(
    open.map(({ from, to }) => [from, to]),
    [[5, 5]],
  )
})

test('of too many gaps neighbours become one, and none is forgotten', () => {
  const seen = Array.from({ length: 50_000 }, (_, i) => 2 * (i + 1))
  const { open } = gapsAfter({ max: 0, open: [] }, seen, now)
  assert.ok(open.length <= 20_000, `${open.length}`)
  const isCovered = (n: number) => open.some(({ from, to }) => from <= n && n <= to)
  assert.ok([1, 49_999, 50_001, 99_999].every(isCovered))
})
