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
  for await (const { id, isBehind } of lostOrders(old, now, sinceMs))
    all.push(`${isBehind ? 'behind' : 'lost'} ${id}`)
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
