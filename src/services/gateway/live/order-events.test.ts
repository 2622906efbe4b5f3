import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { json, openResponse, startGateway, startUpstream, until } from '../../../../test/support/gateway.ts'

test('a paid order that is cancelled is read again until its money is back', async (t) => {
  const order = { id: 'o1', status: 'cancelled', payment: { status: 'captured' } }
  let version = 1
  const orders = await startUpstream(t, (_incoming, response) =>
    json(response, 200, { events: [{ version, order }] }),
  )
  const hurried = { ...systemClock, monotonicMs: () => performance.now() * 10 }
  const gateway = await startGateway(t, `orders=${orders.url}`, { clock: hurried })
  const page = await openResponse(`${gateway.url}/api/orders/o1/events?token=right`)
  t.after(() => page.destroy())
  let text = ''
  page.setEncoding('utf8').on('data', (more: string) => {
    text += more
  })
  await until(() => text.includes('"cancelled"'))
  // No message says so: the gateway has to ask.
  Object.assign(order, { status: 'refunded', payment: { status: 'refunded' } })
  version = 2
  await until(() => text.includes('"refunded"'), 'the refund')
  assert.match(text, /^id: 2$/m)
})
