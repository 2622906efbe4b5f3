import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { voucherObjectKey } from '#services/vouchers'
import { eraseAgain, eraseCustomer } from '../../src/services/orders/erasure/erase-customer.ts'
import { eraseOld } from '../../src/services/orders/erasure/keep-customers.ts'
import { listOrdersBehind } from '../../src/services/orders/list-behind.ts'
import { idAt } from '../../src/services/orders/old/partitions.ts'
import { noteOld, putAway } from '../../src/services/orders/old/put-away.ts'
import { load } from '../../src/services/warehouse/load/load.ts'
import { createPseudonyms } from '../../src/services/warehouse/load/pseudonym.ts'
import { until } from '../support/until.ts'
import { buy, cancel, confirm, openShop, type Shop, shopSecret } from './shop.ts'

const partsOf = (shop: Shop) => ({
  ...{ database: shop.orders, objects: shop.loading.objects, clock: systemClock, secret: shopSecret },
})
const pseudonym = createPseudonyms(shopSecret).of('customer', 'ada@example.org')
const details = async (shop: Shop) =>
  JSON.stringify(await shop.orders.query('SELECT details, body_hash FROM orders.orders', []))

test('a customer who is erased is nowhere any more, and what was sold is', async (t) => {
  const shop = await openShop(t)
  const [isbn = '', other = ''] = shop.isbns.slice(1)
  const bought = (await buy(shop, 'ada', isbn)) as string
  await confirm(shop, bought, isbn)
  await buy(shop, 'grace', other)
  const pdf = voucherObjectKey(bought, 'A-CODE')
  while ((await listOrdersBehind(shop.orders)) > 0);
  const listed = () =>
    shop.orders.query(`SELECT FROM orders.listed WHERE key = md5('email ada@example.org')::uuid`, [])
  assert.equal((await listed()).length, 1)
  await shop.orders.execute(`UPDATE orders.vouchers SET code = 'A-CODE'`)
  await shop.orders.execute(`INSERT INTO orders.customer_titles VALUES ($1, 'ada@example.org', 1, 2)`, [isbn])
  await shop.loading.objects.put(pdf, Buffer.from('Ada Byron'), 'application/pdf')
  await load(shop.loading)
  const inWarehouse = (what: string) =>
    shop.ask<{ n: number }>(`SELECT count(*)::INT AS n FROM orders WHERE customer ${what}`)
  assert.deepEqual(await inWarehouse(`= '${pseudonym}'`), [{ n: 1 }], 'it is there before')

  const erased = await eraseCustomer(partsOf(shop), 'ADA@example.org')
  await load({ ...shop.loading, keepMs: 0 })
  assert.deepEqual(erased, {
    ...{ kind: 'erased', orders: 1, pdfs: 1 },
    proof: { orders: 0, limits: 0, sagas: 0, index: 0, messages: 0, pdfs: 0 },
  })
  assert.doesNotMatch(await details(shop), /ada@example/)
  assert.match(await details(shop), /grace@example/, 'nobody else is')
  assert.equal(await shop.loading.objects.head(pdf), undefined)
  assert.equal((await listed()).length, 0)
  assert.deepEqual(await inWarehouse(`= '${pseudonym}'`), [{ n: 0 }])
  assert.deepEqual(await shop.ask('SELECT sum(total)::INT AS n FROM orders'), [{ n: 1001 + 1002 }])
  const [limit] = await shop.orders.query<{ quantity: number }>(
    'SELECT quantity FROM orders.customer_titles',
    [],
  )
  assert.equal(limit?.quantity, 1)
})

test('a customer with an order under way is not erased', async (t) => {
  const shop = await openShop(t)
  const isbn = shop.isbns[1] as string
  const waiting = (await buy(shop, 'ada', isbn)) as string
  const before = await details(shop)
  assert.deepEqual(await eraseCustomer(partsOf(shop), 'ada@example.org'), {
    kind: 'under-way',
    orders: [waiting],
  })
  assert.equal(await details(shop), before)
})

test('a customer whose order is just being put away is erased with it', async (t) => {
  const shop = await openShop(t)
  const isbn = shop.isbns[1] as string
  await cancel(shop, (await buy(shop, 'ada', isbn)) as string, isbn)
  while ((await listOrdersBehind(shop.orders)) > 0);
  const ids = await noteOld(shop.orders, { beforeId: idAt(Date.now() + 1_000), restDays: 0 }, idAt(0), 10)
  let erasing: ReturnType<typeof eraseCustomer> | undefined
  const away = await putAway(shop.orders, ids, 0, async (point) => {
    if (point !== 'orders') return
    erasing = eraseCustomer(partsOf(shop), 'ada@example.org')
    await until(async () => {
      const waiting = await shop.orders.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        [],
      )
      return waiting.length > 0
    }, 'the erasure waits for the order to go')
  })
  assert.equal(away, 1)
  const erased = await erasing
  assert.deepEqual(erased?.kind === 'erased' && erased.proof.orders, 0)
  const orders = await shop.orders.query('SELECT details FROM orders.all_orders', [])
  assert.equal(orders.length, 1)
  assert.doesNotMatch(JSON.stringify(orders), /ada@example/)
})

test('who comes back with a backup is erased again, and nobody else', async (t) => {
  const shop = await openShop(t)
  const isbn = shop.isbns[1] as string
  for (const name of ['ada', 'grace']) await cancel(shop, (await buy(shop, name, isbn)) as string, isbn)
  const [backup] = await shop.orders.query<{ id: string; details: string }>(
    `SELECT id, details FROM orders.orders WHERE details LIKE '%ada@%'`,
    [],
  )
  await eraseCustomer(partsOf(shop), 'ada@example.org')
  await shop.orders.execute('UPDATE orders.orders SET details = $2 WHERE id = $1', [
    backup?.id,
    backup?.details,
  ])
  assert.match(await details(shop), /ada@example/)
  assert.deepEqual(await eraseAgain(partsOf(shop)), { customers: 1, underWay: 0 })
  assert.doesNotMatch(await details(shop), /ada@example/)
  assert.match(await details(shop), /grace@example/)
})

test('orders that are old enough lose their customer, young ones keep theirs', async (t) => {
  const shop = await openShop(t)
  const isbn = shop.isbns[1] as string
  for (const name of ['ada', 'grace']) await cancel(shop, (await buy(shop, name, isbn)) as string, isbn)
  await shop.orders.execute(
    `UPDATE orders.orders SET id = ('0190' || substr(id::text, 5))::uuid WHERE details LIKE '%ada@%'`,
  )
  assert.equal(await eraseOld(partsOf(shop), 30), 1)
  assert.equal(await eraseOld(partsOf(shop), 30), 0)
  assert.doesNotMatch(await details(shop), /ada@example/)
  assert.match(await details(shop), /grace@example/)
})

test('every spelling of a mailbox is erased', async (t) => {
  const shop = await openShop(t)
  const isbn = shop.isbns[1] as string
  for (const email of ['zoe\u0301@bücher.example', 'ZOÉ@xn--bcher-kva.example', 'zoé@other.example']) {
    const id = (await buy(shop, email, isbn, email)) as string
    await cancel(shop, id, isbn)
  }
  const erased = await eraseCustomer(partsOf(shop), 'zoé@bücher.example')
  assert.equal(erased.kind === 'erased' && erased.orders, 2)
  assert.doesNotMatch(await details(shop), /cher/)
  assert.match(await details(shop), /other\.example/, 'nobody else is')
})

test('an order that begins to move while it is being erased is left as it is', async (t) => {
  const shop = await openShop(t)
  const isbn = shop.isbns[1] as string
  const id = (await buy(shop, 'ada', isbn)) as string
  await confirm(shop, id, isbn)
  const before = await details(shop)
  const { objects } = shop.loading
  const put: typeof objects.put = async (...object) => {
    await shop.orders.execute(
      `INSERT INTO orders.sagas (id, order_id, definition) VALUES (gen_random_uuid(), $1, 'refund')`,
      [id],
    )
    return await objects.put(...object)
  }
  const parts = { ...partsOf(shop), objects: { ...objects, put } }
  assert.deepEqual(await eraseCustomer(parts, 'ada@example.org'), { kind: 'under-way', orders: [id] })
  assert.equal(await details(shop), before)
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
  assert.equal(await eraseOld(partsOf(shop), 30), 1)
  assert.deepEqual(await limits(), [
    { isbn: old, customer: 'ada', quantity: 1 },
    { isbn: old, customer: 'erased', quantity: 1 },
    { isbn: lately, customer: 'ada', quantity: 1 },
  ])
})
