import { parseArgs } from 'node:util'
import { dayMs } from '#kernel/day'
import type { Database } from '#ports/database'
import { listOrdersBehind } from '../src/services/orders/list-behind.ts'
import { idAt } from '../src/services/orders/old/partitions.ts'
import { noteOld, putAway } from '../src/services/orders/old/put-away.ts'
import { printTable, ratio, round } from './rounds.ts'
import { openBenchStore } from './store.ts'

// What a year of orders leaves in both databases: each goes its way by the same writes as in the store, day after day,
// beside autovacuum; those older than half a year are put away. In the end all is written anew, to see what was air.
const { values } = parseArgs({
  options: {
    'orders-a-day': { type: 'string', default: '300' },
    days: { type: 'string', default: '365' },
    'hot-days': { type: 'string', default: '180' },
    titles: { type: 'string', default: '200' },
  },
})
const [perDay, days, hotDays] = [values['orders-a-day'], values.days, values['hot-days']].map(Number) as [
  number,
  number,
  number,
]
const groupsADay = 10
const beganMs = Date.UTC(2025, 0, 1)

// A year takes minutes here, so that a minute of autovacuum's is a moment.
await using store = await openBenchStore(Number(values.titles), { autovacuum_naptime: '1s' })
const { books, orders, isbns } = store
const months: string[][] = []
for (let day = 0; day < days; day++) {
  for (let group = 0; group < groupsADay; group++) await sellGroup(day, group)
  await settleDay(day)
  if ((day + 1) % 30 === 0 || day === days - 1) {
    await putOldAway(day)
    months.push(await stateAt(day))
  }
}
printTable(['day', 'orders', 'at hand', 'dead', 'at hand, MB', 'put away, MB', 'BookDb, MB'], months)
console.log()
printTable(
  ['table', 'rows', 'dead', 'MB', 'MB written anew', 'ratio'],
  [
    ...(await air(books, 'catalog', ['stock', 'ledger', 'outbox', 'transactions'])),
    ...(await air(orders, 'orders', [
      'orders',
      'history',
      'vouchers',
      'sagas',
      'listed',
      'unlisted',
      'holds',
      'outbox',
    ])),
  ],
)

/** A group of orders: stock and ledger in one database; orders, holds and what is to be listed in the other. */
async function sellGroup(day: number, group: number): Promise<void> {
  const count = Math.ceil(perDay / groupsADay)
  const fromMs = beganMs + day * dayMs + group * 3_600_000
  const ids = Array.from({ length: count }, (_, i) => idOf(fromMs + i, day * perDay + group * count + i))
  const titles = ids.map((_, i) => isbns[(day * 31 + group * 7 + i) % isbns.length])
  await moveStock(titles, 'reserve', 1, 0)
  await orders.execute(
    `WITH held AS (INSERT INTO orders.holds (transaction_id, order_ids, due_at) SELECT gen_random_uuid(), $1::uuid[], now()),
       unlisted AS (INSERT INTO orders.unlisted (transaction_id, order_ids) SELECT gen_random_uuid(), $1::uuid[])
     INSERT INTO orders.orders (transaction_id, expires_at, id, idempotency_key, body_hash, token_hash, details)
     SELECT gen_random_uuid(), now(), id, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(),
            format('{"customer":{"name":"Reader","email":"reader%s@example.org"},"lines":[{"isbn":"%s","title":"Book","quantity":1,"unitPrice":{"amount":1250,"currency":"EUR"}}],"total":{"amount":1250,"currency":"EUR"}}', n, isbn)
       FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS o (id, isbn, n)`,
    [ids, titles],
  )
  while ((await listOrdersBehind(orders)) > 0);
}

/** What the day's orders come to: most are paid and confirmed by their sagas, some expire; older ones are redeemed. */
async function settleDay(day: number): Promise<void> {
  const [from, to] = [idAt(beganMs + day * dayMs), idAt(beganMs + (day + 1) * dayMs)]
  const paid = `id >= $1 AND id < $2 AND ('x' || right(id::text, 4))::bit(16)::int % 5 > 0`
  await change(
    `UPDATE orders.orders SET saga_id = id, payment = '{"status": "processing"}', version = version + 1 WHERE ${paid}`,
    from,
    to,
  )
  await orders.execute(
    `INSERT INTO orders.sagas (id, order_id, definition) SELECT id, id, 'paid-order' FROM orders.orders WHERE ${paid}`,
    [from, to],
  )
  for (let step = 1; step <= 5; step++)
    await orders.execute(
      `UPDATE orders.sagas SET step = $3, fence = fence + 1, leased_until = now(), updated_at = now(),
              state = CASE WHEN $3 = 5 THEN 'done' ELSE state END WHERE ${paid}`,
      [from, to, step],
    )
  await orders.execute(
    `INSERT INTO orders.vouchers (code, order_id, number, isbn, title)
     SELECT id::text, id, 1, '9780000000000', 'Book' FROM orders.orders WHERE ${paid}`,
    [from, to],
  )
  await orders.execute('UPDATE orders.vouchers SET stored_at = now() WHERE stored_at IS NULL', [])
  await change(
    `UPDATE orders.orders SET status = 'confirmed', saga_id = NULL, payment = '{"status": "captured"}', payment_key = id::text,
            version = version + 1 WHERE ${paid}`,
    from,
    to,
  )
  await change(
    `UPDATE orders.orders SET status = 'expired', version = version + 1 WHERE id >= $1 AND id < $2 AND status = 'reserved'`,
    from,
    to,
  )
  await moveStock(
    Array.from({ length: Math.round(perDay * 0.8) }, (_, i) => isbns[i % isbns.length]),
    'confirm',
    -1,
    1,
  )
  const weekBefore = [idAt(beganMs + (day - 7) * dayMs), idAt(beganMs + (day - 6) * dayMs)] as const
  await orders.execute(
    `UPDATE orders.vouchers SET status = 'redeemed', redeemed_at = now() WHERE order_id >= $1 AND order_id < $2`,
    weekBefore,
  )
  await change(
    `UPDATE orders.orders SET status = 'redeemed', version = version + 1 WHERE id >= $1 AND id < $2 AND status = 'confirmed'`,
    ...weekBefore,
  )
  for (const sql of ['DELETE FROM orders.holds', 'DELETE FROM orders.outbox']) await orders.execute(sql)
  await books.execute('DELETE FROM catalog.outbox')
}

/** A change of orders with its history and its news, as each has. */
async function change(update: string, from: string, to: string): Promise<void> {
  await orders.execute(
    `WITH changed AS (${update} RETURNING id, version, status, payment),
       noted AS (INSERT INTO orders.history (order_id, version, status, payment) SELECT id, version, status, payment FROM changed)
     INSERT INTO orders.outbox (topic, payload) SELECT 'orders.changed', json_build_object('id', id, 'version', version) FROM changed`,
    [from, to],
  )
}

async function moveStock(
  titles: readonly unknown[],
  movement: string,
  held: number,
  sold: number,
): Promise<void> {
  await books.execute(
    `WITH moved AS (SELECT isbn, count(*)::int AS n FROM unnest($1::text[]) AS isbn GROUP BY isbn),
       noted AS (INSERT INTO catalog.ledger (transaction_id, isbn, movement, held_delta, sold_delta)
                 SELECT gen_random_uuid(), isbn, $2, $3::int, $4::int FROM unnest($1::text[]) AS isbn),
       news AS (INSERT INTO catalog.outbox (topic, payload) SELECT 'stock.changed', json_build_object('isbn', isbn) FROM moved)
     UPDATE catalog.stock s SET held = greatest(s.held + $3::int * n, 0), sold = s.sold + $4::int * n, version = version + 1, updated_at = now()
       FROM moved WHERE moved.isbn = s.isbn`,
    [titles, movement, held, sold],
  )
}

async function putOldAway(day: number): Promise<void> {
  const old = { beforeId: idAt(beganMs + (day - hotDays) * dayMs), restDays: 0 }
  for (let after = idAt(0); ; ) {
    const ids = await noteOld(orders, old, after, 500)
    await putAway(orders, ids)
    if (ids.length < 500) return
    after = ids.at(-1) ?? after
  }
}

async function stateAt(day: number): Promise<string[]> {
  const [row] = await orders.query<{ hot: number; dead: number; mb: number; old: number }>(
    `SELECT (SELECT count(*) FROM orders.orders)::int AS hot, coalesce(sum(n_dead_tup) FILTER (WHERE relname NOT LIKE 'old%'), 0)::int AS dead,
            (sum(pg_total_relation_size(relid)) FILTER (WHERE relname NOT LIKE 'old%') / 1e6)::float8 AS mb,
            (coalesce(sum(pg_total_relation_size(relid)) FILTER (WHERE relname LIKE 'old%'), 0) / 1e6)::float8 AS old
       FROM pg_stat_user_tables WHERE schemaname = 'orders'`,
    [],
  )
  const [size] = await books.query<{ mb: number }>(
    `SELECT (sum(pg_total_relation_size(relid)) / 1e6)::float8 AS mb FROM pg_stat_user_tables WHERE schemaname = 'catalog'`,
    [],
  )
  const { hot = 0, dead = 0, mb = 0, old = 0 } = row ?? {}
  return [
    ...[String(day + 1), round((day + 1) * perDay), round(hot), round(dead)],
    ...[mb.toFixed(1), old.toFixed(1), (size?.mb ?? 0).toFixed(1)],
  ]
}

/** Each table as it is, and as it is when it is written anew. */
async function air(database: Database, schema: string, names: readonly string[]): Promise<string[][]> {
  const rows: string[][] = []
  for (const name of names) {
    const sizeOf = async () => {
      const [row] = await database.query<{ mb: number; rows: number; dead: number }>(
        `SELECT (pg_total_relation_size(relid) / 1e6)::float8 AS mb, n_live_tup AS rows, n_dead_tup AS dead
           FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = $2`,
        [schema, name],
      )
      return row ?? { mb: 0, rows: 0, dead: 0 }
    }
    const before = await sizeOf()
    await database.execute(`VACUUM FULL ${schema}.${name}`)
    const { mb } = await sizeOf()
    rows.push([
      ...[`${schema}.${name}`, round(before.rows), round(before.dead), before.mb.toFixed(2), mb.toFixed(2)],
      ratio(before.mb / mb),
    ])
  }
  return rows
}

/** A UUID version 7 of that moment, with a number at its end. */
function idOf(ms: number, n: number): string {
  const time = ms.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${n.toString(16).padStart(12, '0')}`
}
