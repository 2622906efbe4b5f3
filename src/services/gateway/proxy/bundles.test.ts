import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { createHttpServer } from '#ports/http'
import { placeOrder } from '#services/coordinator'
import { deadUrl, json, startGateway, startUpstream } from '../../../../test/support/gateway.ts'

/** A coordinator that places orders and counts the requests it gets. */
async function startCoordinator(t: TestContext, name: string) {
  const requests: string[] = []
  const server = createHttpServer({ name: 'coordinator', secret: 'secret' })
  server.fastify.server.on('request', (request) => requests.push(request.url ?? ''))
  server.addDirect(placeOrder, async ({ body, headers }) => {
    if (body.customer.name === 'nobody') throw new Error('a fault of this test')
    return { id: `${name} ${headers['idempotency-key']}`, customer: body.customer } as never
  })
  t.after(() => server[Symbol.asyncDispose]())
  return { url: await server.listen({ host: '127.0.0.1', port: 0 }), requests, server }
}

const place = (url: string, i: number, name: string) =>
  fetch(`${url}/api/orders`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': `key ${String(i).padStart(5, '0')}`,
      'x-request-id': `request-${i}`,
    },
    body: JSON.stringify({
      customer: { name, email: 'ada@example.org' },
      lines: [{ isbn: '9780141439518', quantity: 1 }],
    }),
  })
const many = Array.from({ length: 60 }, (_, i) => i)

/** Places many orders at one moment: their connections are open before. */
async function placeMany(url: string, nameOf: (i: number) => string = () => 'Ünï 書') {
  await Promise.all(many.map(async () => await (await fetch(`${url}/healthz`)).text()))
  return await Promise.all(many.map((i) => place(url, i, nameOf(i))))
}

test('orders that arrive together travel together, and each gets its own answer', async (t) => {
  const coordinator = await startCoordinator(t, 'one')
  const gateway = await startGateway(t, `coordinator=${coordinator.url}`)
  const answers = await placeMany(gateway.url)
  for (const [i, answer] of answers.entries()) {
    assert.equal(answer.status, 201)
    assert.equal(answer.headers.get('x-request-id'), `request-${i}`)
    assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    assert.deepEqual(await answer.json(), {
      id: `one key ${String(i).padStart(5, '0')}`,
      customer: { name: 'Ünï 書', email: 'ada@example.org' },
    })
  }
  assert.ok(coordinator.requests.includes('/internal/bundles'))
  assert.ok(coordinator.requests.length < many.length, `${coordinator.requests.length} requests`)
})

test('an order that fails in a bundle leaves its neighbours alone', async (t) => {
  t.mock.method(console, 'error', () => undefined)
  const coordinator = await startCoordinator(t, 'one')
  const gateway = await startGateway(t, `coordinator=${coordinator.url}`)
  const answers = await placeMany(gateway.url, (i) => (i === 7 ? 'nobody' : 'Ada'))
  assert.deepEqual(
    answers.map(({ status }) => status),
    many.map((i) => (i === 7 ? 500 : 201)),
  )
})

test('an instance that knows of no bundles gets its orders one by one', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) => {
    const isOrder = incoming.url === '/api/orders'
    json(response, isOrder ? 201 : 404, { key: incoming.headers['idempotency-key'] })
  })
  const gateway = await startGateway(t, `coordinator=${upstream.url}`)
  for (let round = 0; round < 2; round++) {
    const answers = await placeMany(gateway.url)
    assert.ok(answers.every(({ status }) => status === 201))
  }
  const tries = upstream.requests.filter(({ url }) => url === '/internal/bundles')
  assert.ok(tries.length < many.length / 2, `${tries.length} bundles were tried`)
})

test('a bundle whose instance is gone, or goes while it answers, is placed by another one', async (t) => {
  const coordinator = await startCoordinator(t, 'other')
  const dying = createServer((request) => request.socket.destroy())
  await new Promise<void>((resolve) => dying.listen(0, '127.0.0.1', () => resolve()))
  t.after(() => dying.close())
  const { port } = dying.address() as { port: number }
  for (const bad of [await deadUrl(), `http://127.0.0.1:${port}`]) {
    const gateway = await startGateway(t, `coordinator=${bad};coordinator=${coordinator.url}`)
    const answers = await placeMany(gateway.url)
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]))
  }
})

test('what is not in the usual form goes alone', async (t) => {
  const coordinator = await startCoordinator(t, 'one')
  const gateway = await startGateway(t, `coordinator=${coordinator.url}`)
  const odd = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' }
  const answers = await Promise.all(many.map(() => fetch(`${gateway.url}/api/orders`, odd)))
  assert.ok(answers.every(({ status }) => status === 415))
  assert.ok(!coordinator.requests.includes('/internal/bundles'))
})
