import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openBroker } from '#ports/broker'
import { orderChangedTopic } from '#services/orders'
import { json, startGateway, startUpstream, until } from '../support/gateway.ts'

const streams = 2_000
const bytesMax = 200 * 1024 * 1024
const id = '01a1f8fd-71b1-72fe-b03c-f9d047768241'
const trusted = { OCTAVO_TRUSTED_PROXIES: '127.0.0.1' }

/** An order service with one order, whose every read is counted. */
async function startOrders(t: TestContext) {
  const state = { version: 1, reads: 0, changedMs: 0, filler: '' }
  const upstream = await startUpstream(t, (_incoming, response) => {
    state.reads++
    const status = state.version === 1 ? 'reserved' : 'paid'
    const order = { id, status, changedMs: state.changedMs, filler: state.filler }
    json(response, 200, { events: [{ version: state.version, order }] })
  })
  return Object.assign(state, { url: upstream.url })
}

test('2 000 open pages cost little memory, and a change is read once for all of them', async (t) => {
  const orders = await startOrders(t)
  const broker = `memory:streams-${crypto.randomUUID()}`
  const gateway = await startGateway(t, `orders=${orders.url}`, {}, { ...trusted, OCTAVO_BROKER: broker })
  const path = `/api/orders/${id}/events?token=order_x`
  await (await fetch(`${gateway.url}/livez`)).text()
  const idleBytes = process.memoryUsage.rss()
  const clients = fork(fileURLToPath(new URL('./stream-clients.ts', import.meta.url)), [
    gateway.url,
    path,
    String(streams),
  ])
  t.after(() => clients.kill('SIGKILL'))
  await once(clients, 'message')
  assert.match(await (await fetch(`${gateway.url}/metrics`)).text(), new RegExp(`open_streams ${streams}\n`))
  const aboveIdle = process.memoryUsage.rss() - idleBytes
  t.diagnostic(`${Math.round(aboveIdle / 1024 / 1024)} MB above idle`)
  assert.ok(aboveIdle < bytesMax, `${aboveIdle} bytes above idle`)

  await using news = await openBroker(broker, { applicationName: 'test' })
  const readsBefore = orders.reads
  Object.assign(orders, { version: 2, changedMs: Date.now() })
  const heard = once(clients, 'message') as Promise<[{ tookMs: number }]>
  await news.publish([{ topic: orderChangedTopic, payload: { orders: [{ id, version: 2 }] } }])
  const [{ tookMs }] = await heard
  t.diagnostic(`the last of ${streams} pages knew of a change after ${tookMs} ms`)
  // Once for the change; and the round that reads now and then may have come by.
  assert.ok(orders.reads - readsBefore <= 3, `${orders.reads - readsBefore} reads`)
})

test('a reader that takes nothing is dropped, and the others go on', async (t) => {
  const orders = await startOrders(t)
  orders.filler = 'x'.repeat(20_000)
  const broker = `memory:streams-${crypto.randomUUID()}`
  const gateway = await startGateway(t, `orders=${orders.url}`, {}, { ...trusted, OCTAVO_BROKER: broker })
  const open = () =>
    new Promise<{ isClosed(): boolean; resume(): void }>((resolve) => {
      get(`${gateway.url}/api/orders/${id}/events`, { agent: false }, (response) => {
        let isClosed = false
        response.on('close', () => {
          isClosed = true
        })
        response.on('error', () => {})
        resolve({ isClosed: () => isClosed, resume: () => response.resume() })
      })
    })
  const [slow, quick] = [await open(), await open()]
  quick.resume()
  await using news = await openBroker(broker, { applicationName: 'test' })
  const openStreams = async () =>
    Number(/open_streams (\d+)/.exec(await (await fetch(`${gateway.url}/metrics`)).text())?.[1])
  assert.equal(await openStreams(), 2)
  await until(async () => {
    orders.version++
    await news.publish([{ topic: orderChangedTopic, payload: { orders: [{ id, version: orders.version }] } }])
    return (await openStreams()) === 1
  })
  slow.resume()
  await until(slow.isClosed)
  assert.equal(quick.isClosed(), false)
})
