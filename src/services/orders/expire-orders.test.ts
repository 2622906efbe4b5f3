import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock as clock } from '#ports/clock'
import type { Database } from '#ports/database'
import type { TestScope } from '../../../test/support/database.ts'
import { addOrder, openOrders, type TestOrder } from '../../../test/support/orders.ts'
import type { Context } from './context.ts'
import { expireOrders } from './expire-orders.ts'

test('holds of orders that were paid are cleared away without a rest', async (t) => {
  const { database, expire, holds } = await openShop(t)
  for (let i = 0; i < 45; i++) await addHold(database, { status: 'confirmed' })
  assert.deepEqual([await expire(), await expire(), await expire(), await expire()], [20, 20, 5, 0])
  assert.equal(await holds(), 0)
})

test('a hold with a payment under way is left alone for a while, however long it has been due', async (t) => {
  const { database, expire, holds } = await openShop(t)
  await addHold(database, { sagaId: clock.uuid() })
  assert.equal(await expire(), 0)
  assert.equal(await holds('due_at < now()'), 0)
  assert.equal(await holds(), 1)
})

async function openShop(t: TestScope) {
  const database = await openOrders(t, 'expire')
  const client = { call: () => assert.fail('there is nothing to give back') }
  const context = { database, clock, client, newsDue: () => {} } as unknown as Context
  const holds = async (where = 'true') => {
    const [row] = await database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM orders.holds WHERE ${where}`,
    )
    return row?.count
  }
  return { database, expire: () => expireOrders(context), holds }
}

/** An order whose hold has been due for an hour. */
async function addHold(database: Database, order: TestOrder): Promise<void> {
  await database.execute(
    `INSERT INTO orders.holds (transaction_id, order_ids, due_at)
     VALUES ($1, ARRAY[$1::uuid], now() - interval '1 hour')`,
    [await addOrder(database, order)],
  )
}
