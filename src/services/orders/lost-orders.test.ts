import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from '#ports/database'
import { addOrder, openOrders } from '../../../test/support/orders.ts'
import { lostOrders } from './lost-orders.ts'

const copy = async (from: Database, to: Database) => {
  const rows = await from.query<{ row: string }>('SELECT to_json(o)::text AS row FROM orders.orders o', [])
  for (const { row } of rows)
    await to.execute(
      'INSERT INTO orders.orders SELECT * FROM json_populate_record(null::orders.orders, $1::json) ON CONFLICT DO NOTHING',
      [row],
    )
}
const found = async (old: Database, now: Database, sinceMs = 0) => {
  const all: string[] = []
  for await (const { id, kind } of lostOrders(old, now, sinceMs)) all.push(`${kind} ${id}`)
  return all
}

test('orders that a given-up database alone has are found, and those of which it has later news', async (t) => {
  const [old, now] = [await openOrders(t, 'old'), await openOrders(t, 'now')]
  const kept = []
  for (let i = 0; i < 5; i++) kept.push(await addOrder(old))
  await copy(old, now)
  assert.deepEqual(await found(old, now), [])
  const lost = [await addOrder(old), await addOrder(old)]
  await addOrder(now)
  await old.execute('UPDATE orders.orders SET version = 2 WHERE id = $1', [kept[3]])
  assert.deepEqual(await found(old, now), [`behind ${kept[3]}`, ...lost.map((id) => `lost ${id}`)])
  assert.deepEqual(await found(old, now, Date.now() + 60_000), [], 'of later hours')
  assert.equal((await found(now, old)).length, 1)
})

test('what was paid for at a home that was given up, and failed where it went on, is found however far both came', async (t) => {
  const [old, now] = [await openOrders(t, 'old'), await openOrders(t, 'now')]
  const [both, one] = [await addOrder(old), await addOrder(old)]
  await copy(old, now)
  const pay = (database: Database, id: string, key: string) =>
    database.execute('UPDATE orders.orders SET version = 3, payment_key = $2 WHERE id = $1', [id, key])
  for (const database of [old, now]) await pay(database, both, 'k1')
  await pay(old, one, 'k2')
  await now.execute('UPDATE orders.orders SET version = 4 WHERE id = $1', [one])
  assert.deepEqual(await found(old, now), [`charged ${one}`])
})
