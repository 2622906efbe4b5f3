import assert from 'node:assert/strict'
import { test } from 'node:test'
import { voucherObjectKey } from '#services/vouchers'
import { eraseAgain, eraseCustomer } from '../../src/services/orders/erasure/erase-customer.ts'
import { listOrdersBehind } from '../../src/services/orders/list-behind.ts'
import { idAt } from '../../src/services/orders/old/partitions.ts'
import { noteOld, putAway } from '../../src/services/orders/old/put-away.ts'
import { load } from '../../src/services/warehouse/load/load.ts'
import { createPseudonyms } from '../../src/services/warehouse/load/pseudonym.ts'
import { publish, readManifest } from '../../src/services/warehouse/store/manifest.ts'
import { testDatabase } from '../support/database.ts'
import { mariadbSkipped, testMariadb } from '../support/mariadb.ts'
import { until } from '../support/until.ts'
import { buy, cancel, confirm, erasing, openShop, type Shop, shopSecret } from './shop.ts'

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

  const erased = await eraseCustomer(erasing(shop), 'ADA@example.org')
  await load({ ...shop.loading, keepMs: 0 })
  assert.deepEqual(erased, {
    ...{ kind: 'erased', orders: 1, pdfs: 1 },
    proof: { orders: 0, limits: 0, sagas: 0, index: 0, messages: 0, pdfs: 0, searches: 0 },
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
  assert.deepEqual(await eraseCustomer(erasing(shop), 'ada@example.org'), {
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
  let erasure: ReturnType<typeof eraseCustomer> | undefined
  const away = await putAway(shop.orders, ids, 0, async (point) => {
    if (point !== 'orders') return
    erasure = eraseCustomer(erasing(shop), 'ada@example.org')
    await until(async () => {
      const waiting = await shop.orders.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        [],
      )
      return waiting.length > 0
    }, 'the erasure waits for the order to go')
  })
  assert.equal(away, 1)
  const erased = await erasure
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
  await eraseCustomer(erasing(shop), 'ada@example.org')
  await shop.orders.execute('UPDATE orders.orders SET details = $2 WHERE id = $1', [
    backup?.id,
    backup?.details,
  ])
  assert.match(await details(shop), /ada@example/)
  assert.deepEqual(await eraseAgain(erasing(shop)), { customers: 1, underWay: 0 })
  assert.doesNotMatch(await details(shop), /ada@example/)
  assert.match(await details(shop), /grace@example/)
})

for (const [kind, bookDb, skip] of [
  ['postgres', testDatabase, false],
  ['mariadb', testMariadb, mariadbSkipped],
] as const)
  test(`${kind}: searches that hold something of a customer go with them, from the warehouse as well`, {
    skip,
  }, async (t) => {
    const shop = await openShop(t, { bookDb })
    const isbn = shop.isbns[1] as string
    await cancel(shop, (await buy(shop, 'ada', isbn)) as string, isbn)
    const words = ['ada byron', 'ada', 'letters of lord byron', 'byronic heroes', 'moby dick']
    for (const day of ['2026-10-30', '2026-11-29', '2026-11-30'])
      await shop.books.misses.add(day, new Map(words.map((each) => [each, 2])))
    await load(shop.loading)
    const kept = () => shop.ask('SELECT words, count(*)::INT AS days FROM searches GROUP BY 1 ORDER BY 1')
    assert.equal((await kept()).length, 5)
    const erased = await eraseCustomer(erasing(shop), 'ada@example.org')
    assert.equal(erased.kind === 'erased' && erased.proof.searches, 0)
    const { kind: loaded, disagreements } = await load({ ...shop.loading, keepMs: 0 })
    assert.deepEqual([loaded, disagreements], ['increment', []])
    assert.deepEqual(await kept(), [
      { words: 'byronic heroes', days: 3 },
      { words: 'moby dick', days: 3 },
    ])
    assert.equal((await load(shop.loading)).read.searches, 0, 'days that stay as they are are not read again')
    await shop.books.misses.forget('2026-11-30')
    await load(shop.loading)
    assert.deepEqual(await shop.ask('SELECT DISTINCT day::VARCHAR AS day FROM searches'), [
      { day: '2026-11-30' },
    ])
    await shop.books.misses.forget('2026-12-30')
    await load(shop.loading)
    assert.deepEqual(await kept(), [])
  })

test('searches that an earlier program loaded and nobody remembers are forgotten', async (t) => {
  const shop = await openShop(t)
  await shop.books.misses.add('2024-10-30', new Map([['somebody', 1]]))
  await load(shop.loading)
  const manifest = await readManifest(shop.loading.objects)
  assert.ok(manifest)
  const { searches: _, ...cursors } = manifest.cursors
  await publish(shop.loading.objects, { ...manifest, cursors })
  await shop.books.misses.forget('2026-01-01')
  assert.equal((await load(shop.loading)).kind, 'increment')
  assert.deepEqual(await shop.ask('SELECT words FROM searches'), [])
})

test('every spelling of a mailbox is erased', async (t) => {
  const shop = await openShop(t)
  const isbn = shop.isbns[1] as string
  for (const email of ['zoe\u0301@bücher.example', 'ZOÉ@xn--bcher-kva.example', 'zoé@other.example']) {
    const id = (await buy(shop, email, isbn, email)) as string
    await cancel(shop, id, isbn)
  }
  const erased = await eraseCustomer(erasing(shop), 'zoé@bücher.example')
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
  const parts = { ...erasing(shop), objects: { ...objects, put } }
  assert.deepEqual(await eraseCustomer(parts, 'ada@example.org'), { kind: 'under-way', orders: [id] })
  assert.equal(await details(shop), before)
})
