import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { eraseOld } from '../../src/services/orders/erasure/keep-customers.ts'
import { noteChanges } from '../../src/services/orders/note-changes.ts'
import { rowsTouchedIn } from '../support/rows-touched.ts'
import { buy, cancel, confirm, erasing, openShop, type Shop } from './shop.ts'

const details = async (shop: Shop) =>
  JSON.stringify(await shop.orders.query('SELECT details, body_hash FROM orders.orders', []))

test('orders that are old enough lose their customer, young ones keep theirs', async (t) => {
  const shop = await openShop(t)
  const isbn = shop.isbns[1] as string
  for (const name of ['ada', 'grace']) await cancel(shop, (await buy(shop, name, isbn)) as string, isbn)
  await shop.orders.execute(
    `UPDATE orders.orders SET id = ('0190' || substr(id::text, 5))::uuid WHERE details LIKE '%ada@%'`,
  )
  assert.equal(await eraseOld(erasing(shop), 30), 1)
  assert.equal(await eraseOld(erasing(shop), 30), 0)
  assert.doesNotMatch(await details(shop), /ada@example/)
  assert.match(await details(shop), /grace@example/)
})

test('an order that comes to rest long after its time was over loses its customer then', async (t) => {
  const shop = await openShop(t)
  const isbn = shop.isbns[1] as string
  for (const name of ['ada', 'grace']) await buy(shop, name, isbn)
  await shop.orders.execute(`UPDATE orders.orders SET id = ('0190' || substr(id::text, 5))::uuid`)
  assert.equal(await eraseOld(erasing(shop), 30), 0, 'neither is at rest')
  // Nothing is noted of the end of a saga but its own time.
  const saga = systemClock.uuid()
  await shop.orders.execute(
    `INSERT INTO orders.sagas (id, order_id, definition) SELECT $1, id, 'refund' FROM orders.orders WHERE details LIKE '%grace@%'`,
    [saga],
  )
  const rest = async (name: string) => {
    const [order] = await shop.orders.query<{ id: string }>(
      `UPDATE orders.orders SET status = 'refunded', version = version + 1 WHERE details LIKE $1 RETURNING id`,
      [`%${name}@%`],
    )
    await shop.orders.transaction((tx) => noteChanges(tx, [order?.id ?? '']))
  }
  await rest('ada')
  await rest('grace')
  assert.equal(await eraseOld(erasing(shop), 30), 1)
  assert.doesNotMatch(await details(shop), /ada@example/)
  await shop.orders.execute(`UPDATE orders.history SET at = at - interval '1 day'`)
  await shop.orders.execute(`UPDATE orders.sagas SET state = 'done', updated_at = now()`)
  assert.equal(await eraseOld(erasing(shop), 30), 1)
  assert.doesNotMatch(await details(shop), /grace@example/)
})

test('who has not looked for long, or as an earlier program did, looks at all that is old once', async (t) => {
  const shop = await openShop(t)
  const isbn = shop.isbns[1] as string
  await cancel(shop, (await buy(shop, 'ada', isbn)) as string, isbn)
  await shop.orders.execute(`UPDATE orders.orders SET id = ('0190' || substr(id::text, 5))::uuid`)
  await shop.orders.execute(
    `INSERT INTO orders.marks VALUES ('customers kept from', now() - interval '31 days')`,
  )
  assert.equal(await eraseOld(erasing(shop), 30), 1)
})

test('what has come to rest since is found without reading what is old', async (t) => {
  const shop = await openShop(t)
  await shop.orders.execute(
    `INSERT INTO orders.orders (id, idempotency_key, body_hash, token_hash, status, details, expires_at, transaction_id)
     SELECT ('01900000' || substr(gen_random_uuid()::text, 9))::uuid, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(),
            'cancelled', '{"customer": {"name": "erased", "email": "x@erased.invalid"}, "lines": []}', now(), gen_random_uuid()
       FROM generate_series(1, 20000)`,
  )
  await shop.orders.execute(
    `INSERT INTO orders.history (order_id, version, status, at)
     SELECT id, 2, 'cancelled', now() - interval '400 days' + row_number() OVER () * interval '1 minute' FROM orders.orders`,
  )
  const pages: number[] = []
  const query = async (sql: string, params: unknown[]) => {
    if (sql.includes('mayLose'))
      pages.push(await rowsTouchedIn(['orders'])(shop.orders, (recorded) => recorded.query(sql, params)))
    return await shop.orders.query(sql, params)
  }
  await shop.orders.execute('ANALYZE orders.orders')
  await eraseOld({ ...erasing(shop), database: { ...shop.orders, query } as typeof shop.orders }, 30)
  assert.equal(pages.length, 5, 'a first look takes one page after the other')
  assert.ok(Math.max(...pages) < 6_000, `a page reads ${Math.max(...pages)} rows`)
  await shop.orders.execute('VACUUM ANALYZE orders.orders, orders.history, orders.sagas')
  const touched = await rowsTouchedIn(['orders', 'history', 'sagas'])(shop.orders, (database) =>
    eraseOld({ ...erasing(shop), database }, 30),
  )
  assert.ok(touched < 2_500, `${touched} rows are read`)
})

test('a limit still counts what a customer bought lately when an older order loses its customer', async (t) => {
  const shop = await openShop(t)
  const [old = '', lately = ''] = shop.isbns.slice(1)
  const limits = () =>
    shop.orders.query(
      `SELECT isbn, CASE WHEN customer LIKE 'ada@%' THEN 'ada' ELSE 'erased' END AS customer, quantity
         FROM orders.customer_titles ORDER BY isbn, customer`,
      [],
    )
  for (const isbn of [old, old, lately]) {
    await confirm(
      shop,
      (await buy(shop, `${isbn}-${Math.random()}`, isbn, 'ada@example.org')) as string,
      isbn,
    )
    await shop.orders.execute(
      `INSERT INTO orders.customer_titles AS c VALUES ($1, 'ada@example.org', 1, 5)
         ON CONFLICT (isbn, customer) DO UPDATE SET quantity = c.quantity + 1`,
      [isbn],
    )
  }
  await shop.orders.execute(
    `UPDATE orders.orders SET details = left(details, -1) || ',"counted":["' || (details::json #>> '{lines,0,isbn}') || '"]}'`,
  )
  const [first] = await shop.orders.query<{ id: string }>(
    'SELECT id FROM orders.orders ORDER BY id LIMIT 1',
    [],
  )
  await shop.orders.execute('ALTER TABLE orders.vouchers DROP CONSTRAINT vouchers_order_id_fkey')
  await shop.orders.execute(
    `UPDATE orders.orders SET id = ('0190' || substr(id::text, 5))::uuid WHERE id = $1`,
    [first?.id],
  )
  assert.equal(await eraseOld(erasing(shop), 30), 1)
  assert.deepEqual(await limits(), [
    { isbn: old, customer: 'ada', quantity: 1 },
    { isbn: old, customer: 'erased', quantity: 1 },
    { isbn: lately, customer: 'ada', quantity: 1 },
  ])
})
