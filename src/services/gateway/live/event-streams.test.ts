import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../../../test/support/until.ts'
import { createEventStreams } from './event-streams.ts'

test('thousands of streams are reminded a few at a time, and each of them in its turn', async () => {
  const [count, reminded] = [3_000, new Set<number>()]
  let [inTurn, most] = [0, 0]
  const streams = createEventStreams({ streamsMax: count, perAddressMax: count, heartbeatMs: 500 }, false)
  const write = (i: number) => (text: string) => {
    if (!text.startsWith(':')) return true
    reminded.add(i)
    if (inTurn++ === 0)
      setImmediate(() => {
        most = Math.max(most, inTurn)
        inTurn = 0
      })
    return true
  }
  for (let i = 0; i < count; i++) {
    const response = { writeHead: () => {}, write: write(i), end: () => {}, on: () => {} }
    const exchange = { client: '192.0.2.1', limitHeaders: [], request: { method: 'GET' }, response }
    streams.open(exchange as never, () => {})
  }
  await until(() => reminded.size === count)
  streams.closeAll()
  assert.ok(most <= count / 10, `${most} at once`)
})
