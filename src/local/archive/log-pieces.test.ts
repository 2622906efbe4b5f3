import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  coverage,
  endsOf,
  historyBefore,
  parsePosition,
  pieceKey,
  pieceOf,
  piecesBetween,
  segmentAt,
  segmentBytes,
  startOf,
} from './log-pieces.ts'

test('a position has the file that PostgreSQL gives it, and a file its beginning', () => {
  const position = parsePosition('0000000A', '16/B374D848')
  assert.equal(segmentAt(position), '0000000A00000016000000B3')
  assert.deepEqual(startOf('0000000A00000016000000B3'), { timeline: 10, lsn: 0x16b3000000n })
})

test('a stretch of the log is cut where files end, and each piece is known by its key', () => {
  const from = { timeline: 1, lsn: BigInt(segmentBytes) - 100n }
  const pieces = piecesBetween(from, BigInt(segmentBytes) * 2n + 7n)
  assert.deepEqual(
    pieces.map(({ segment, from, to }) => [segment.slice(-2), from, to]),
    [
      ['00', segmentBytes - 100, segmentBytes],
      ['01', 0, segmentBytes],
      ['02', 0, 7],
    ],
  )
  for (const piece of pieces) assert.deepEqual(pieceOf(pieceKey('book-db', piece)), piece)
  assert.equal(pieceOf('log/book-db/00000002.history'), undefined)
})

test('pieces cover a file from its beginning, over those that say the same, up to the first that is missing', () => {
  const piece = (from: number, to: number) => ({ segment: 'x', from, to })
  assert.equal(coverage([piece(0, 10), piece(20, 30)]).to, 10)
  assert.equal(coverage([piece(5, 10)]).to, 0)
  const { chosen, to } = coverage([piece(0, 5), piece(5, 10), piece(0, 10), piece(10, 12)])
  assert.deepEqual([chosen.length, to], [2, 12])
})

test('the history of a timeline says where those before it ended', () => {
  const history = '1\t0/3000148\tno recovery target specified\n\n2\t0/5000000\tafter LSN 0/5000000\n'
  assert.deepEqual(endsOf(history), [
    { timeline: 1, lsn: 0x3000148n },
    { timeline: 2, lsn: 0x5000000n },
  ])
  assert.equal(historyBefore(history, 2), '1\t0/3000148\tno recovery target specified\n')
  assert.equal(historyBefore(history, 1), '')
})
