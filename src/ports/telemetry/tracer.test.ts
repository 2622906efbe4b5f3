import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openLog } from '#ports/log'
import { startOtlpReceiver } from '../../../test/support/otlp-receiver.ts'
import { until } from '../../../test/support/until.ts'
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

test('statuses and sizes are whole numbers, as the conventions have them', async (t) => {
  const { url, spans } = await startOtlpReceiver(t)
  const tracing = await openTracing({ url, ratio: 1, ...of })
  noteSpan({ ...span, of: order, attributes: { 'http.response.status_code': 201, 'octavo.share': 0.5 } })
  await tracing[Symbol.asyncDispose]()
  assert.deepEqual(spans[0]?.attributes, [
    { key: 'http.response.status_code', value: { intValue: '201' } },
    { key: 'octavo.share', value: { doubleValue: 0.5 } },
  ])
})

test('who takes spans and never says so is not waited for at the end', async (t) => {
  const taken = createServer((request) => request.resume())
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    taken.closeAllConnections()
    taken.close()
  })
  const url = `http://127.0.0.1:${(taken.address() as AddressInfo).port}`
  const tracing = await openTracing({ url, ratio: 1, ...of })
  for (let i = 0; i < 4_000; i++) noteSpan({ ...span, of: order })
  const startedMs = performance.now()
  await tracing[Symbol.asyncDispose]()
  assert.ok(performance.now() - startedMs < 2_000)
})

test('it is told once that nobody takes spans, and once that somebody does again', async (t) => {
  let text = ''
  openLog({ level: 'info', format: 'json', fields: {}, write: (line) => (text += line) })
  t.after(() => openLog({ level: 'silent', format: 'json', fields: {}, write: () => {} }))
  let status = 503
  const taken = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(status).end())
  })
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  t.after(() => void taken.close())
  const url = `http://127.0.0.1:${(taken.address() as AddressInfo).port}`
  const tracing = await openTracing({ url, ratio: 1, ...of })
  for (let i = 0; i < 1_500; i++) noteSpan({ ...span, of: order })
  await until(() => text.includes('not taken'))
  await sleep(1_500)
  status = 200
  await until(() => {
    noteSpan({ ...span, of: order })
    return text.includes('again')
  })
  await tracing[Symbol.asyncDispose]()
  assert.equal(text.match(/"status":503/g)?.length, 1, text)
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
