import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { hashAsUuid } from '#kernel/hash'
import { systemClock } from '#ports/clock'
import type { Database } from '#ports/database'
import { auditOrders } from '../../src/services/orders/audit.ts'
import { eraseCustomer } from '../../src/services/orders/erasure/erase-customer.ts'
import { countOrders, findOrders, type OrderFilter } from '../../src/services/orders/find-orders.ts'
import { listOrdersBehind } from '../../src/services/orders/list-behind.ts'
import { lookUp } from '../../src/services/orders/look-up-orders.ts'
import { bringBack, lockOrder } from '../../src/services/orders/old/bring-back.ts'
import { oldTables } from '../../src/services/orders/old/old-tables.ts'
import { idAt } from '../../src/services/orders/old/partitions.ts'
import { noteOld, putAway, puttingPoints } from '../../src/services/orders/old/put-away.ts'
import { readOrders, vouchersOf } from '../../src/services/orders/order-row.ts'
import { tellOrder } from '../../src/services/orders/tell-order.ts'
import { load } from '../../src/services/warehouse/load/load.ts'
import { programEnvironment } from '../support/program-environment.ts'
import { until } from '../support/until.ts'
import { buy, cancel, confirm, erasing, openShop, type Shop } from './shop.ts'

const everything = () => ({ beforeId: idAt(Date.now()), restDays: 0 })

/** Some orders bought, some given back, one under way, from this year and from the one before the last. */
async function openOldShop(t: Parameters<typeof openShop>[0]): Promise<Shop & { waiting: string }> {
  const shop = await openShop(t)
  for (let i = 1; i < 5; i++) {
    const isbn = shop.isbns[i] as string
    await confirm(shop, (await buy(shop, `bought-${i}`, isbn)) as string, isbn)
    await cancel(shop, (await buy(shop, `given-back-${i}`, isbn)) as string, isbn)
  }
  const waiting = (await buy(shop, 'waits', shop.isbns[1] as string)) as string
  await shop.orders.execute(
    `INSERT INTO orders.sagas (id, order_id, definition, state) SELECT gen_random_uuid(), id, 'paid-order', 'done'
       FROM orders.orders WHERE status = 'confirmed'`,
  )
  await shop.orders.execute(
    `INSERT INTO orders.saga_journal (saga_id, step, event) SELECT id, 'authorise', 'ran' FROM orders.sagas`,
  )
  await shop.orders.execute(
    `UPDATE orders.orders SET saga_id = NULL, payment = payment WHERE status = 'confirmed'`,
  )
  await shop.orders.execute('UPDATE orders.vouchers SET stored_at = now(), code = upper(code)')
  while ((await listOrdersBehind(shop.orders)) > 0);
  return { ...shop, waiting }
}

const putAll = async (database: Database) =>
  await putAway(database, await noteOld(database, everything(), idAt(0), 1_000))

test('putting away that is killed at any point leaves each order whole, on one side, and is done by the next', async (t) => {
  const shop = await openOldShop(t)
  await haveSameColumns(shop)
  await shop.orders.execute(
    'INSERT INTO orders.unlisted SELECT gen_random_uuid(), array_agg(id) FROM orders.orders',
  )
  assert.equal(await putAll(shop.orders), 0, 'not while the index of the staff has not got them')
  await shop.orders.execute('DELETE FROM orders.unlisted')
  const before = await contents(shop.orders)
  for (const point of puttingPoints) {
    assert.equal(await dieAt(shop, point), 'SIGKILL', point)
    assert.deepEqual(await contents(shop.orders), before, `after a death at ${point}`)
    assert.deepEqual(await torn(shop.orders), [], point)
  }
  const [row] = await shop.orders.query<{ old: number; hot: number }>(
    `SELECT (SELECT count(*) FROM orders.old_orders)::int AS old, (SELECT count(*) FROM orders.orders)::int AS hot`,
    [],
  )
  assert.deepEqual(row, { old: 8, hot: 1 }, 'all but the one that is under way')
  const ids = (await shop.orders.query<{ id: string }>('SELECT id FROM orders.old_orders', [])).map(
    ({ id }) => id,
  )
  assert.equal(await shop.orders.transaction((tx) => bringBack(tx, ids)), 8)
  assert.deepEqual([await contents(shop.orders), await torn(shop.orders)], [before, []])

  assert.equal(await dieAt(shop, 'vouchers', 'torn'), 'SIGKILL')
  assert.notDeepEqual(await torn(shop.orders), [], 'negative control: a move that is no transaction')
})

test('orders that were put away are found as before, by their readers, staff, audit and warehouse', async (t) => {
  const shop = await openOldShop(t)
  const filters: OrderFilter[] = [
    {},
    { email: 'bought-1@example.org' },
    { isbn: shop.isbns[2] as string },
    { status: 'cancelled' },
    { status: 'confirmed', isbn: shop.isbns[1] as string },
  ]
  const look = async () => {
    const certain = { ...shop.orders, isCertain: true }
    const lists = []
    for (const filter of filters)
      lists.push(await findOrders(certain, filter, null, 100), await countOrders(certain, filter))
    const rows = await readOrders(
      shop.orders,
      (lists[0] as { id: string }[]).map(({ id }) => id),
    )
    const byId = rows.sort((a, b) => (a.id < b.id ? -1 : 1))
    const told = []
    for (const { id } of byId) told.push(await tellOrder(shop.orders, id))
    const context = {
      ...{ database: shop.orders, clock: systemClock, config: { publicUrl: 'http://store' } },
      objects: { presign: () => '/' },
    } as unknown as Parameters<typeof lookUp>[0]
    const keys = ['bought-1', 'given-back-2', 'waits', 'nobody'].map(hashAsUuid)
    const { known } = await lookUp(context, { keys, limits: [] })
    const payment = { state: async () => 'captured' } as unknown as Parameters<typeof auditOrders>[1]
    const audit = await auditOrders(shop.orders, payment, { head: async () => undefined })
    const vouchers = (await vouchersOf(shop.orders, byId)).map(({ code }) => code).sort()
    return {
      lists,
      byId,
      told,
      known: known.sort((a, b) => (a.keyHash < b.keyHash ? -1 : 1)),
      audit,
      vouchers,
    }
  }
  const before = await look()
  assert.equal(before.known.length, 3)
  assert.equal(before.vouchers.length, 4)
  const first = await load(shop.loading)
  assert.equal(await putAll(shop.orders), 8)
  assert.deepEqual(await look(), before)
  for (const whole of [false, true]) {
    const loaded = await load({ ...shop.loading, whole })
    assert.deepEqual([loaded.disagreements, loaded.rows], [[], first.rows])
  }
  await comesBack(shop)
})

/** An old order can be given back, and its customer erased: it comes back for that. */
async function comesBack(shop: Shop): Promise<void> {
  const isbn = shop.isbns[3] as string
  const [bought] = await shop.orders.query<{ id: string }>(
    `SELECT id FROM orders.all_orders WHERE details LIKE '%bought-3@%'`,
    [],
  )
  const id = bought?.id as string
  const giveBack = { orderId: id, movement: 'return', to: 'cancelled', sagaId: null } as const
  const settle = () =>
    shop.engine.submit({ kind: 'settle', settlement: { ...giveBack, lines: [{ isbn, quantity: 1 }] } })
  assert.equal((await settle()).kind, 'stale', 'not while it is away')
  await Promise.all([1, 2, 3].map(() => shop.orders.transaction((tx) => lockOrder(tx, id))))
  assert.equal((await settle()).kind, 'settled')
  const erased = await eraseCustomer(erasing(shop), 'bought-4@example.org')
  assert.deepEqual(
    [erased.kind, erased.kind === 'erased' && Object.values(erased.proof).every((n) => n === 0)],
    ['erased', true],
  )
  assert.doesNotMatch(
    JSON.stringify(await shop.orders.query('SELECT details FROM orders.all_orders', [])),
    /bought-4@/,
  )
  const loaded = await load(shop.loading)
  assert.deepEqual([loaded.kind, loaded.disagreements, await torn(shop.orders)], ['increment', [], []])
}

test('the key of an order that is being put away, or was, gives that order again', async (t) => {
  const shop = await openOldShop(t)
  const again = () => place(shop, 'given-back-1')
  const first = await again()
  assert.equal(first, 'replayed')
  const ids = await noteOld(shop.orders, everything(), idAt(0), 1_000)
  const meanwhile: string[] = []
  await putAway(shop.orders, ids, 0, async (point) => {
    if (point === 'orders') meanwhile.push(await again())
  })
  assert.deepEqual([...meanwhile, await again()], ['replayed', 'replayed'])
  assert.equal(await ordersOfKey(shop, 'given-back-1'), 1)
  await usedTwice(shop)
})

test('an order that is changed after it was noted stays until it has been at rest again', async (t) => {
  const shop = await openOldShop(t)
  await shop.orders.execute(`UPDATE orders.history SET at = at - interval '31 days'`)
  const ids = await noteOld(shop.orders, { ...everything(), restDays: 30 }, idAt(0), 1_000)
  assert.equal(ids.length, 8)
  await shop.orders.execute('UPDATE orders.history SET at = now() WHERE order_id = $1', [ids[0]])
  assert.equal(await putAway(shop.orders, ids, 30), 7)
  assert.equal((await shop.orders.query('SELECT FROM orders.orders WHERE id = $1', [ids[0]])).length, 1)
})

/** Negative control: a key that is noted only with its order is used twice by whoever comes meanwhile. */
async function usedTwice(shop: Shop): Promise<void> {
  const id = (await buy(shop, 'late', shop.isbns[1] as string)) as string
  await cancel(shop, id, shop.isbns[1] as string)
  while ((await listOrdersBehind(shop.orders)) > 0);
  const { promise: goOn, resolve: release } = Promise.withResolvers<void>()
  let meanwhile: Promise<string> | undefined
  const moving = shop.orders.transaction(async (tx) => {
    const within = {
      ...shop.orders,
      ...tx,
      transaction: <T>(work: (tx: never) => Promise<T>) => work(tx as never),
    }
    const ids = await noteOld(within as Database, everything(), idAt(0), 1_000)
    await putAway(within as Database, ids, 0, async (point) => {
      if (point !== 'orders') return
      meanwhile = place(shop, 'late')
      await goOn
    })
  })
  await until(async () => {
    const rows = await shop.orders.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      [],
    )
    return rows.length > 0
  }, 'the second order waits for the first to go')
  release()
  await moving
  assert.equal(await meanwhile, 'placed')
  assert.equal(await ordersOfKey(shop, 'late'), 2)
}

/** Tables of old orders have the columns of those that sell. */
async function haveSameColumns(shop: Shop): Promise<void> {
  const rows = await shop.orders.query<{ name: string; columns: string }>(
    `SELECT table_name AS name, string_agg(column_name || ' ' || udt_name, ', ' ORDER BY ordinal_position) AS columns
       FROM information_schema.columns WHERE table_schema = 'orders' GROUP BY table_name`,
    [],
  )
  const columns = new Map(rows.map((row) => [row.name, row.columns]))
  for (const table of [...oldTables, 'orders']) {
    const extra = table === 'saga_journal' ? 'order_id uuid, ' : ''
    assert.equal(columns.get(`old_${table}`), `${extra}${columns.get(table)}`)
    assert.equal(columns.get(`all_${table}`), columns.get(table))
  }
}

/** An order of one copy of the first title by a key. @returns what became of it */
async function place(shop: Shop, key: string): Promise<string> {
  const outcome = await shop.engine.submit({
    kind: 'place',
    draft: {
      id: systemClock.uuid(),
      ...{ keyHash: hashAsUuid(key), bodyHash: hashAsUuid('body'), tokenHash: hashAsUuid(`token ${key}`) },
      customer: { name: 'Ada Byron', email: `${key}@example.org` },
      lines: [{ isbn: shop.isbns[1] as string, quantity: 1 }],
    },
  })
  return outcome.kind
}

async function ordersOfKey(shop: Shop, key: string): Promise<number> {
  const [row] = await shop.orders.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM orders.all_orders WHERE idempotency_key = $1',
    [hashAsUuid(key)],
  )
  return row?.n ?? 0
}

async function dieAt(shop: Shop, ...args: string[]): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'dying-putting.ts'), ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...programEnvironment(), ORDER_DB: shop.urls.orderDb },
  })
  return await new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
}

/** All there is of orders, wherever it is: how many rows of each kind, and what they say. */
async function contents(orders: Database): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const table of [...oldTables, 'orders']) {
    const [row] = await orders.query<{ text: string }>(
      `SELECT count(*) || ' ' || md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) AS text FROM orders.all_${table} t`,
      [],
    )
    found[table] = row?.text ?? ''
  }
  return found
}

/** What is not on the side of its order, and orders that are on both. */
async function torn(orders: Database): Promise<string[]> {
  const sides = ['history', 'vouchers', 'sagas', 'listed'].flatMap((table) => [
    `SELECT '${table} at hand of ' || order_id AS text FROM orders.${table} WHERE order_id NOT IN (SELECT id FROM orders.orders)`,
    `SELECT '${table} away of ' || order_id FROM orders.old_${table} WHERE order_id NOT IN (SELECT id FROM orders.old_orders)`,
  ])
  const rows = await orders.query<{ text: string }>(
    [
      ...sides,
      `SELECT 'step at hand of ' || saga_id FROM orders.saga_journal WHERE saga_id NOT IN (SELECT id FROM orders.sagas)`,
      `SELECT 'step away of ' || order_id FROM orders.old_saga_journal WHERE saga_id NOT IN (SELECT id FROM orders.old_sagas)`,
      'SELECT id::text FROM orders.orders WHERE id IN (SELECT id FROM orders.old_orders)',
      'SELECT id::text FROM orders.old_orders WHERE idempotency_key NOT IN (SELECT key FROM orders.old_keys)',
    ].join(' UNION ALL '),
    [],
  )
  return rows.map(({ text }) => text)
}
