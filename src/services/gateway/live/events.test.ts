import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '#ports/broker'
import { json, openResponse, startGateway, startUpstream, until } from '../../../../test/support/gateway.ts'

type Event = { id?: string; event?: string; data?: Record<string, unknown> }

/** Collects the events of a stream as a browser would. */
async function listenTo(t: TestContext, url: string, headers: Record<string, string> = {}) {
  const response = await openResponse(url, headers)
  t.after(() => response.destroy())
  const events: Event[] = []
  let text = ''
  let comments = 0
  let isOver = false
  response.on('data', (chunk: Buffer) => {
    text += chunk
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end)
      text = text.slice(end + 2)
      if (block.startsWith(':')) comments++
      else if (!block.startsWith('retry:')) events.push(parseEvent(block))
    }
  })
  for (const end of ['end', 'close', 'error'] as const)
    response.on(end, () => {
      isOver = true
    })
  return {
    response,
    events,
    get comments() {
      return comments
    },
    get isOver() {
      return isOver
    },
  }
}

function parseEvent(block: string): Event {
  const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s, 2)))
  return { ...fields, ...(fields.data && { data: JSON.parse(fields.data) }) }
}

/** The history route of orders, for one order with a token. */
async function startOrders(t: TestContext) {
  const statuses = ['reserved']
  let isLoggedOut = false
  const upstream = await startUpstream(t, (incoming, response) => {
    const url = new URL(incoming.url ?? '', 'http://a')
    const { authorization, cookie } = incoming.headers
    const isHolder = url.searchParams.get('token') === 'right' || authorization === 'Bearer right'
    const isAllowed = isHolder || (cookie === 'octavo_session=staff' && !isLoggedOut)
    if (!isAllowed || !String(incoming.headers['x-octavo-call']).startsWith('call.'))
      return json(response, 404, { status: 404 })
    const after = url.searchParams.get('after')
    const all = statuses.map((status, i) => ({ version: i + 1, order: { id: 'o1', status } }))
    const later = after === null ? [] : all.filter(({ version }) => version > Number(after))
    json(response, 200, { events: later.length > 0 ? later : all.slice(-1) })
  })
  const logOut = () => {
    isLoggedOut = true
  }
  return { ...upstream, statuses, reads: upstream.requests, logOut }
}

async function startShop(t: TestContext) {
  const orders = await startOrders(t)
  const brokerUrl = `memory:events-${crypto.randomUUID()}`
  const broker = await openBroker(brokerUrl, { applicationName: 'test' })
  t.after(() => broker[Symbol.asyncDispose]())
  const gateway = await startGateway(t, `orders=${orders.url}`, {}, { OCTAVO_BROKER: brokerUrl })
  const change = async (status: string) => {
    orders.statuses.push(status)
    await broker.publish([
      { topic: 'order.changed', payload: { orders: [{ id: 'o1', version: orders.statuses.length }] } },
    ])
  }
  return { orders, broker, gateway, change }
}

test('an order is told on connect and on every change, with its version as the id', async (t) => {
  const { gateway, change } = await startShop(t)
  const page = await listenTo(t, `${gateway.url}/api/orders/o1/events?token=right`)
  assert.equal(page.response.statusCode, 200)
  assert.match(page.response.headers['content-type'] ?? '', /^text\/event-stream/)
  await until(() => page.events.length === 1)
  await change('paid')
  await until(() => page.events.length === 2)
  await change('confirmed')
  await until(() => page.events.length === 3)
  assert.deepEqual(
    page.events.map(({ id, event, data }) => [id, event, data?.status]),
    [
      ['1', 'order', 'reserved'],
      ['2', 'order', 'paid'],
      ['3', 'order', 'confirmed'],
    ],
  )
})

test('what a page missed is replayed from its last event id', async (t) => {
  const { gateway, orders } = await startShop(t)
  orders.statuses.push('paid', 'confirmed')
  const url = `${gateway.url}/api/orders/o1/events?token=right`
  const back = await listenTo(t, url, { 'last-event-id': '1' })
  await until(() => back.events.length === 2)
  assert.deepEqual(
    back.events.map(({ id }) => id),
    ['2', '3'],
  )
  const current = await listenTo(t, url, { 'last-event-id': '3' })
  await until(() => current.events.length === 1)
  assert.equal(current.events[0]?.id, '3')
})

test('a wrong or missing token is a 404 before any stream starts; staff and bearers may watch', async (t) => {
  const { gateway } = await startShop(t)
  const url = `${gateway.url}/api/orders/o1/events`
  for (const [target, headers, status] of [
    [`${url}?token=wrong`, {}, 404],
    [url, {}, 404],
    [`${url}?token=${'x'.repeat(300)}`, {}, 404],
    [url, { authorization: 'Bearer right' }, 200],
    [url, { cookie: 'octavo_session=staff' }, 200],
  ] as [string, Record<string, string>, number][]) {
    const response = await openResponse(target, headers)
    assert.equal(response.statusCode, status, target)
    if (status === 404) assert.match(response.headers['content-type'] ?? '', /problem\+json/)
    response.destroy()
  }
})

test('many pages of one order cost one read per change', async (t) => {
  const { gateway, orders, change } = await startShop(t)
  const url = `${gateway.url}/api/orders/o1/events?token=right`
  const pages = await Promise.all(Array.from({ length: 20 }, () => listenTo(t, url)))
  await until(() => pages.every(({ events }) => events.length === 1))
  const before = orders.reads.length
  await change('paid')
  await until(() => pages.every(({ events }) => events.length === 2))
  assert.ok(orders.reads.length - before <= 2, `${orders.reads.length - before} reads`)
})

test('a session that has ended is told nothing more, whoever else watches the same order', async (t) => {
  const { gateway, orders, change } = await startShop(t)
  const url = `${gateway.url}/api/orders/o1/events`
  const reader = await listenTo(t, `${url}?token=right`)
  const staff = await listenTo(t, url, { cookie: 'octavo_session=staff' })
  await until(() => reader.events.length === 1 && staff.events.length === 1)
  await change('paid')
  await until(() => reader.events.length === 2 && staff.events.length === 2)
  orders.logOut()
  await change('confirmed')
  await until(() => reader.events.length === 3 && staff.isOver)
  assert.equal(staff.events.length, 2)
})

test('a page hears of a change although the broker never said so', { timeout: 30_000 }, async (t) => {
  const { gateway, orders } = await startShop(t)
  const page = await listenTo(t, `${gateway.url}/api/orders/o1/events?token=right`)
  await until(() => page.events.length === 1)
  orders.statuses.push('paid')
  await until(() => page.events.length === 2, 'the read without a hint')
})

test('availability is told on connect and then at its latest, however fast it changes', async (t) => {
  const isbn = '9780141439518'
  let available = 100
  const at = (ms: number) => new Date(1_800_000_000_000 + ms).toISOString()
  const catalog = await startUpstream(t, (_incoming, response) =>
    json(response, 200, { isbn, available, status: 'in-stock', asOf: at(0) }),
  )
  const brokerUrl = `memory:events-${crypto.randomUUID()}`
  const broker = await openBroker(brokerUrl, { applicationName: 'test' })
  t.after(() => broker[Symbol.asyncDispose]())
  const gateway = await startGateway(t, `catalog=${catalog.url}`, {}, { OCTAVO_BROKER: brokerUrl })
  const page = await listenTo(t, `${gateway.url}/api/books/0-14-143951-3/availability/events`)
  await until(() => page.events.length === 1)
  assert.equal(page.events[0]?.event, 'availability')
  const tell = (left: number, ms: number) =>
    broker.publish([
      {
        topic: 'stock.changed',
        payload: { books: [{ isbn, available: left, status: 'in-stock', asOf: at(ms) }] },
      },
    ])
  const startMs = performance.now()
  for (let i = 1; i <= 50; i++) {
    available = 100 - i
    await tell(available, i)
  }
  await tell(99, 2)
  await until(() => page.events.at(-1)?.data?.available === 50)
  const inTime = 2 + (performance.now() - startMs) / 100
  assert.ok(page.events.length <= inTime, `${page.events.length} events for 50 changes`)
  await sleep(250)
  assert.equal(page.events.at(-1)?.data?.available, 50, 'a late message changes nothing')
})

test('an unknown book is the answer that catalog gives, not a stream', async (t) => {
  const catalog = await startUpstream(t, (_incoming, response) => {
    response.writeHead(404, { 'content-type': 'application/problem+json' })
    response.end(
      JSON.stringify({ type: 'https://octavo.example/problems/not-found', detail: 'No book.', status: 404 }),
    )
  })
  const gateway = await startGateway(t, `catalog=${catalog.url}`)
  const answer = await fetch(`${gateway.url}/api/books/9780141439518/availability/events`)
  assert.equal(answer.status, 404)
  assert.equal(((await answer.json()) as { detail: string }).detail, 'No book.')
})

test('streams have limits, heartbeats and an end', async (t) => {
  const orders = await startOrders(t)
  const limits = { streamsMax: 10, perAddressMax: 2, heartbeatMs: 50 }
  const gateway = await startGateway(t, `orders=${orders.url}`, { streamLimits: limits })
  const url = `${gateway.url}/api/orders/o1/events?token=right`
  const first = await listenTo(t, url)
  const second = await listenTo(t, url)
  const third = await openResponse(url)
  assert.equal(third.statusCode, 429)
  assert.ok(third.headers['retry-after'])
  third.resume()
  await until(() => first.comments > 1)
  second.response.destroy()
  const openStreams = async () =>
    Number(
      /octavo_gateway_open_streams (\d+)/.exec(await (await fetch(`${gateway.url}/metrics`)).text())?.[1],
    )
  await until(async () => (await openStreams()) === 1)
  const fourth = await openResponse(url)
  assert.equal(fourth.statusCode, 200)
  assert.equal(await openStreams(), 2)
  fourth.destroy()
  await until(async () => (await openStreams()) === 1)
  await gateway[Symbol.asyncDispose]()
  await until(() => first.isOver)
})

test('readers behind a proxy are not taken for one', async (t) => {
  const orders = await startOrders(t)
  const streamLimits = { streamsMax: 3, perAddressMax: 1, heartbeatMs: 50 }
  const env = { OCTAVO_URL: 'https://shop.example.org' }
  const gateway = await startGateway(t, `orders=${orders.url}`, { streamLimits }, env)
  const statuses: (number | undefined)[] = []
  for (let i = 0; i < 4; i++) {
    const response = await openResponse(`${gateway.url}/api/orders/o1/events?token=right`)
    t.after(() => response.destroy())
    statuses.push(response.statusCode)
  }
  assert.deepEqual(statuses, [200, 200, 200, 503])
})

test('a reader that does not read is dropped instead of being buffered for', async (t) => {
  const { gateway, orders, change } = await startShop(t)
  const slow = await openResponse(`${gateway.url}/api/orders/o1/events?token=right`)
  t.after(() => slow.destroy())
  slow.pause()
  let isClosed = false
  slow.socket.on('close', () => {
    isClosed = true
  })
  for (let i = 0; i < 80 && !isClosed; i++) {
    await change('x'.repeat(400_000))
    await sleep(10)
  }
  slow.resume()
  await until(() => isClosed, 'the drop')
  assert.ok(orders.statuses.length > 1)
})
