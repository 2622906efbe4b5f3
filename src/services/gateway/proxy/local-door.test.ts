import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { Problem } from '#kernel/problem'
import { createHttpServer } from '#ports/http'
import { localDoor, openLocalDoor } from '#process/local-doors'
import { placeOrder } from '#services/coordinator'
import { startGateway } from '../../../../test/support/gateway.ts'

const order = {
  customer: { name: 'Ada Byron', email: 'ada@example.org' },
  lines: [{ isbn: '9780141439518', quantity: 1 }],
}

test('orders for a coordinator in this very process need no socket, and get the same answers', async (t) => {
  await using server = createHttpServer({ name: 'coordinator', secret: 'secret' })
  let bySocket = 0
  server.fastify.server.on('request', () => bySocket++)
  server.addDirect(placeOrder, async ({ body, headers }) => {
    if (body.customer.name === 'Nobody') throw new Problem(409, 'out-of-stock', 'None is left.')
    return { key: headers['idempotency-key'], customer: body.customer } as never
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const gateway = await startGateway(t, `coordinator=${url}`)
  const place = async (body: unknown) => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() }
    const answer = await fetch(`${gateway.url}/api/orders`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    const { instance: _address, key, ...rest } = (await answer.json()) as Record<string, unknown>
    return {
      status: answer.status,
      type: answer.headers.get('content-type'),
      isMine: key === headers['idempotency-key'],
      rest,
    }
  }
  const all = async () => [
    await place(order),
    await place({ ...order, customer: { ...order.customer, name: 'Nobody' } }),
    await place({ ...order, lines: 'none' }),
  ]
  const others = await all()
  assert.deepEqual(
    others.map(({ status }) => status),
    [201, 409, 400],
  )
  assert.equal(bySocket, 3)
  const door = openLocalDoor('coordinator-1', server.local)
  assert.deepEqual(await all(), others)
  assert.equal(
    (await Promise.all(Array.from({ length: 20 }, () => place(order)))).every((each) => each.isMine),
    true,
  )
  assert.equal(bySocket, 3)
  await door[Symbol.asyncDispose]()
  assert.equal((await place(order)).status, 201)
  assert.equal(bySocket, 4)
})

test('a door that closes lets the answers under way end first', async () => {
  const held = Promise.withResolvers<never[]>()
  const door = openLocalDoor('one', { answerAll: () => held.promise })
  const answering = localDoor('one')?.answerAll('/', [])
  let isClosed = false
  const closing = door[Symbol.asyncDispose]().then(() => {
    isClosed = true
  })
  assert.equal(localDoor('one'), undefined)
  await new Promise(setImmediate)
  assert.equal(isClosed, false)
  held.resolve([])
  await closing
  assert.deepEqual(await answering, [])
})
