import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashAsUuid } from '#kernel/hash'
import { systemClock } from '#ports/clock'
import { callHeader, callSigner, createHttpServer } from '#ports/http'
import type { Order } from '#services/orders'
import type { GroupEngine } from './engine.ts'
import { addPlaceRoute, orderToken } from './place-order.ts'

const key = 'a key that was used before the secret was changed'
const body = {
  customer: { name: 'Ada', email: 'ada@example.org' },
  lines: [{ isbn: '9780441172719', quantity: 1 }],
}

test('who repeats an order gets the token it was given, also while the secret is being changed', async () => {
  const given = orderToken('old', key)
  assert.equal(await tokenOfRepeated('old', given), given)
  assert.equal(await tokenOfRepeated('old\nnew', given), given)
  assert.equal(await tokenOfRepeated('new\nold', given), given)
  // What nobody knows any more cannot be made again.
  assert.equal(await tokenOfRepeated('new', given), orderToken('new', key))
})

/** Asks a coordinator whose group finds the order there already, by a token that was given out before. */
async function tokenOfRepeated(secret: string, given: string): Promise<string> {
  const order: Order = {
    ...{ id: systemClock.uuid(), status: 'reserved', customer: body.customer, lines: [] },
    ...{ total: { amount: 1, currency: 'EUR' }, createdAt: new Date().toISOString() },
    ...{ expiresAt: new Date().toISOString(), payment: null, vouchers: [] },
  }
  const engine: Pick<GroupEngine, 'submit'> = {
    submit: async () => ({ kind: 'replayed', order, tokenHash: hashAsUuid(given) }),
  }
  await using server = createHttpServer({ name: 'coordinator', secret })
  addPlaceRoute(server, { engine: engine as GroupEngine, clock: systemClock, secret })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const response = await fetch(`${url}/api/orders`, {
    method: 'POST',
    headers: {
      ...{ 'content-type': 'application/json', 'idempotency-key': key },
      [callHeader]: callSigner(secret).pass('coordinator'),
    },
    body: JSON.stringify(body),
  })
  assert.equal(response.status, 200)
  return ((await response.json()) as { token: string }).token
}
