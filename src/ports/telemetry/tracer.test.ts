import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startOtlpReceiver } from '../../../test/support/otlp-receiver.ts'
import { isTracing, noteSpan, openTracing, traced } from './port.ts'

const order = '01a2240c-8a57-719d-b6d6-db8300000001'
const transaction = '01a2240c-8a57-719d-b6d6-db83f0000002'
const of = { version: '1', instance: 'here' }
const span = { role: 'orders', name: 'step', startMs: 1_700_000_000_000, endMs: 1_700_000_000_001 }

test('a span belongs to the trace of its order, and hangs on the first one', async (t) => {
  const { url, spans } = await startOtlpReceiver(t)
  const tracing = await openTracing({ url, ratio: 1, ...of })
  noteSpan({ ...span, of: order, isFirst: true, name: 'first', links: [transaction] })
  await traced({ of: order, role: 'vouchers', name: 'draw' }, async () => undefined)
  await tracing[Symbol.asyncDispose]()
  const [first, draw] = ['first', 'draw'].map((name) => spans.find((each) => each.name === name))
  assert.equal(first?.traceId, order.replaceAll('-', ''))
  assert.equal(first?.parentSpanId, undefined)
  assert.deepEqual(first?.links, [{ traceId: transaction.replaceAll('-', ''), spanId: 'b6d6db83f0000002' }])
  assert.equal(draw?.role, 'vouchers')
  assert.equal(draw?.traceId, first?.traceId)
  assert.equal(draw?.parentSpanId, first?.spanId)
})

test('the id decides which orders are traced, and an error always is', async (t) => {
  const { url, spans } = await startOtlpReceiver(t)
  const tracing = await openTracing({ url, ratio: 0.5, ...of })
  noteSpan({ ...span, of: order })
  noteSpan({ ...span, of: transaction })
  const fails = traced({ of: transaction, role: 'orders', name: 'fails' }, async () => {
    throw new TypeError('no')
  })
  await assert.rejects(fails, /no/)
  await tracing[Symbol.asyncDispose]()
  assert.deepEqual(
    spans.map(({ traceId, name }) => [traceId.slice(-8), name]),
    [
      ['00000001', 'step'],
      ['f0000002', 'fails'],
    ],
  )
})

test('where nobody takes spans, nothing waits for them and nothing is sent', async (t) => {
  assert.equal(isTracing(), false)
  noteSpan({ ...span, of: order })
  const { url, spans } = await startOtlpReceiver(t)
  const tracing = await openTracing({ url: `${url}/elsewhere`, ratio: 1, ...of })
  for (let i = 0; i < 10_000; i++) noteSpan({ ...span, of: order })
  await tracing[Symbol.asyncDispose]()
  assert.deepEqual(spans, [])
  assert.equal(isTracing(), false)
})
