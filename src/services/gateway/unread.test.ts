import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exchange } from './proxy/exchange.ts'
import { slowestReaders } from './unread.ts'

const reader = (requestId: string, writableLength: number, label = '/api/books') =>
  ({ requestId, label, response: { writableLength } }) as unknown as Exchange
const cut = (exchanges: Exchange[]) => slowestReaders(exchanges, 100).map(({ requestId }) => requestId)

test('readers who leave much unread lose their answers when all of it together is too much, the largest first', () => {
  assert.deepEqual(cut([reader('a', 60), reader('b', 40)]), [])
  assert.deepEqual(cut([reader('a', 20), reader('b', 70), reader('c', 30), reader('d', 60)]), ['b', 'd'])
  assert.deepEqual(cut([reader('a', 90), reader('b', 80), reader('c', 30)]), ['a', 'b'])
})

test('pages are in memory once, however many read them slowly', () => {
  assert.deepEqual(cut([reader('a', 500, 'pages'), reader('b', 90)]), [])
})
