import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock as clock } from '#ports/clock'
import { type Database, migrate, openDatabase } from '#ports/database'
import { type TestScope, testDatabase } from '../../local/test-database.ts'
import type { Context } from './context.ts'
import { expireOrders } from './expire-orders.ts'

test('holds of orders that were paid are cleared away without a rest', async (t) => {
  const { database, expire, holds } = await openOrders(t)
  for (let i = 0; i < 45; i++) await addHold(database, 'confirmed')
  assert.deepEqual([await expire(), await expire(), await expire(), await expire()], [20, 20, 5, 0])
  assert.equal(await holds(), 0)
})

test('a hold with a payment under way is left alone for a while, however long it has been due', async (t) => {
  const { database, expire, holds } = await openOrders(t)
  await addHold(database, 'reserved', clock.uuid())
  assert.equal(await expire(), 0)
  assert.equal(await holds('due_at < now()'), 0)
  assert.equal(await holds(), 1)
})

async function openOrders(t: TestScope) {
  const { url } = await testDatabase(t, 'expire')
  const database = await openDatabase(url, { applicationName: 'expire', connectionsMax: 2 })
  t.after(() => database[Symbol.asyncDispose]())
  await migrate(database, new URL('./migrations/', import.meta.url), 'orders')
  const client = { call: () => assert.fail('there is nothing to give back') }
  const context = { database, clock, client, announced: () => {} } as unknown as Context
  const holds = async (where = 'true') => {
    const [row] = await database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM orders.holds WHERE ${where}`,
    )
    return row?.count
  }
  return { database, expire: () => expireOrders(context), holds }
}

/** An order whose hold has been due for an hour. */
async function addHold(database: Database, status: string, sagaId: string | null = null): Promise<void> {
  const id = clock.uuid()
  await database.execute(
    `WITH held AS (
       INSERT INTO orders.holds (transaction_id, order_ids, due_at)
       VALUES ($1, ARRAY[$1::uuid], now() - interval '1 hour')
     )
     INSERT INTO orders.orders
       (id, idempotency_key, body_hash, token_hash, details, expires_at, transaction_id, status, saga_id)
     VALUES ($1, $1, $1, $1, '{"lines":[]}', now() - interval '1 hour', $1, $2::orders.order_status, $3)`,
    [id, status, sagaId],
  )
}
