import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from '#ports/database'
import type { OrderStatus } from '#services/orders'
import { openOrders } from '../../../test/support/orders.ts'
import { rowsTouchedIn } from '../../../test/support/rows-touched.ts'
import { countedMax, countOrders, findOrders, type OrderFilter } from './find-orders.ts'
import { listOrdersBehind } from './list-behind.ts'

// OCTAVO_ORDERS=1000000 tries the same on a large store.
const orders = Number(process.env.OCTAVO_ORDERS ?? 20_000)
const ordersPerStatement = 20_000
const [popular, rare] = ['9780141439518', '9780000000002']
const certain = (database: Database) => ({ ...database, isCertain: true })

test('staff find orders by address, title and status, those of this moment as well, whatever is listed already', async (t) => {
  const database = await openOrders(t, 'find_orders')
  await addOrders(database, 1_000)
  const look = async (filter: OrderFilter) =>
    (await findOrders(certain(database), filter, null, 1_000)).map(({ id }) => id)
  const filters: OrderFilter[] = [
    { email: 'READER-7@example.org' },
    { isbn: rare },
    { isbn: popular, status: 'failed' },
    { status: 'failed' },
    { email: 'reader-7@example.org', isbn: popular },
    { email: 'nobody@example.org' },
  ]
  const before = await Promise.all(filters.map(look))
  assert.deepEqual(
    before.map(({ length }) => length),
    [10, 1, 10, 10, 10, 0],
  )
  assert.equal(await listOrdersBehind(database), 4)
  assert.deepEqual(await Promise.all(filters.map(look)), before, 'listed or not')
  await addOrders(database, 100)
  assert.equal((await look({ email: 'reader-7@example.org' })).length, 11)
  assert.equal(await countOrders(certain(database), { email: 'reader-7@example.org' }), 11)
  const [first, ...rest] = await look({ email: 'reader-7@example.org' })
  const next = await findOrders(certain(database), { email: 'reader-7@example.org' }, first ?? '', 1_000)
  assert.deepEqual(
    next.map(({ id }) => id),
    rest,
  )
})

test('no list of orders reads them from end to end', async (t) => {
  const database = await openOrders(t, 'order_plans')
  for (let added = 0; added < orders; added += ordersPerStatement)
    await addOrders(database, Math.min(ordersPerStatement, orders - added), '-1 hour')
  await addReserved(database, 3)
  while ((await listOrdersBehind(database)) > 0);
  await database.execute('ANALYZE orders.orders')
  await database.execute('ANALYZE orders.listed')
  const rowsTouched = rowsTouchedIn(['orders', 'listed'])
  const filters: Record<string, OrderFilter> = {
    'an address': { email: 'reader-7@example.org' },
    'no such address': { email: 'nobody@example.org' },
    'a rare title': { isbn: rare },
    'a popular title': { isbn: popular },
    'a rare status': { status: 'failed' },
    'what there is none of': { status: 'refunded' },
    'a common status': { status: 'confirmed' },
    'the few that are reserved': { status: 'reserved' },
    'what is reserved of a rare title': { status: 'reserved', isbn: rare },
  }
  const faults: string[] = []
  for (const [name, filter] of Object.entries(filters)) {
    const page = await rowsTouched(database, (recorded) => findOrders(certain(recorded), filter, null, 25))
    if (page > 2_500) faults.push(`a page of ${name} touches ${page} rows`)
    const count = await rowsTouched(database, (recorded) => countOrders(certain(recorded), filter))
    if (count > 4 * countedMax) faults.push(`counting ${name} touches ${count} rows`)
  }
  assert.deepEqual(faults, [])
  const reserved = await findOrders(certain(database), { status: 'reserved' }, null, 25)
  assert.equal(reserved.length, 3)
  await database.execute('DELETE FROM orders.holds')
  const unheld = await rowsTouched(database, (recorded) =>
    findOrders(certain(recorded), { status: 'reserved' }, null, 25),
  )
  assert.equal(unheld, 0, 'without a hold nothing is reserved')
  await database.execute('DROP INDEX orders.orders_by_every_status')
  const without = await rowsTouched(database, (recorded) =>
    findOrders(certain(recorded), { status: 'refunded' }, null, 25),
  )
  assert.ok(without >= orders, 'without its index a list does read everything, and this test notices')
})

/** Of a hundred orders one has failed, all are of one title, and one of all is of a rare one. */
async function addOrders(database: Database, count: number, shift = '0 hours'): Promise<void> {
  const failed: OrderStatus = 'failed'
  await database.execute(
    `WITH made AS (
       INSERT INTO orders.orders (id, idempotency_key, body_hash, token_hash, transaction_id, expires_at, status, details)
       SELECT uuidv7($5::interval), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(),
              md5('group' || i / 256 || clock_timestamp()::date)::uuid, now(),
              (CASE WHEN i % 100 = 7 THEN $2 ELSE 'confirmed' END)::orders.order_status,
              json_build_object('customer', json_build_object('name', 'A', 'email', 'Reader-' || i % 100 || '@example.org'),
                'lines', CASE WHEN i = 500 THEN json_build_array(json_build_object('isbn', $3::text), json_build_object('isbn', $4::text))
                              ELSE json_build_array(json_build_object('isbn', $4::text)) END,
                'total', json_build_object('amount', 100, 'currency', 'EUR'))::text
         FROM generate_series(1, $1::int) AS i RETURNING id)
     INSERT INTO orders.unlisted (transaction_id, order_ids)
     SELECT gen_random_uuid(), array_agg(id) FROM (SELECT id, row_number() OVER () / 256 AS batch FROM made) m GROUP BY batch`,
    [count, failed, rare, popular, shift],
  )
}

/** As a sale leaves them: with a hold for all of them. */
async function addReserved(database: Database, count: number): Promise<void> {
  await database.execute(
    `WITH made AS (
       INSERT INTO orders.orders (id, idempotency_key, body_hash, token_hash, transaction_id, expires_at, details)
       SELECT uuidv7(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), now(),
              '{"customer":{"name":"A","email":"a@example.org"},"lines":[],"total":{"amount":1,"currency":"EUR"}}'
         FROM generate_series(1, $1::int) RETURNING id)
     INSERT INTO orders.holds (transaction_id, order_ids, due_at) SELECT uuidv7(), array_agg(id), now() FROM made`,
    [count],
  )
}
