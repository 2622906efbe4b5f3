import { dayMs } from '#kernel/day'
import type { Database } from '#ports/database'
import type { BenchStore } from './store.ts'

const chunk = 200_000

/** What growing needs of a store. */
type Grown = Pick<BenchStore, 'books' | 'orders' | 'isbns'>

/**
 * Fills a store with orders as a year leaves them: four in five bought and most of those redeemed, the others expired,
 * cancelled or refunded, with their history, vouchers, sagas, movements of stock, and what staff find them by. Statements
 * are set-based and indexes over random keys are made afterwards, so that it takes minutes and not a year; what comes out
 * is what the store's own transactions would have written.
 * @param from numbers of the orders that there are already, and `to` of those that there are to be
 */
export async function growStore({ books, orders, isbns }: Grown, from: number, to: number): Promise<void> {
  const untilMs = Date.now() - dayMs / 24
  await Promise.all([
    grow(
      orders,
      ['orders.orders', 'orders.history', 'orders.vouchers', 'orders.sagas', 'orders.listed'],
      addOrders,
    ),
    grow(books, ['catalog.ledger'], addMovements),
  ])

  async function grow(database: Database, tables: readonly string[], add: typeof addOrders): Promise<void> {
    await nameTitles(database, isbns)
    const putBack = await takeIndexes(database, tables)
    for (let first = from; first < to; first += chunk)
      await add(database, [isbns.length, first, Math.min(first + chunk, to), to, untilMs])
    await putBack()
    await database.execute('VACUUM ANALYZE')
  }
}

/** Titles by number: to look one up in an array is to walk through it. */
async function nameTitles(database: Database, isbns: readonly string[]): Promise<void> {
  await database.execute(
    'CREATE TABLE IF NOT EXISTS public.titles (i bigint PRIMARY KEY, isbn text NOT NULL)',
  )
  await database.execute(
    `INSERT INTO public.titles SELECT i - 1, isbn FROM unnest($1::text[]) WITH ORDINALITY AS t (isbn, i)
         ON CONFLICT DO NOTHING`,
    [isbns],
  )
  await database.execute('ANALYZE public.titles')
}

/** Constraints over random keys. The others come in the order of their keys, and foreign keys lean on them. */
const randomKeys = ['one_order_per_key', 'listed_pkey']

/** Takes these tables' indexes, those of most constraints aside, and their triggers off; returns what puts them back. */
async function takeIndexes(database: Database, tables: readonly string[]): Promise<() => Promise<void>> {
  const constraints = await database.query<{ taken: string; made: string }>(
    `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS taken,
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS made
       FROM pg_constraint WHERE conrelid = ANY($1::regclass[]) AND conname = ANY($2)`,
    [tables, randomKeys],
  )
  const indexes = await database.query<{ taken: string; made: string }>(
    `SELECT format('DROP INDEX %s', indexrelid::regclass) AS taken, pg_get_indexdef(indexrelid) AS made
       FROM pg_index i WHERE indrelid = ANY($1::regclass[])
        AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)`,
    [tables],
  )
  for (const { taken } of [...constraints, ...indexes]) await database.execute(taken)
  for (const table of tables) await database.execute(`ALTER TABLE ${table} DISABLE TRIGGER ALL`)
  return async () => {
    for (const { made } of [...constraints, ...indexes]) await database.execute(made)
    for (const table of tables) await database.execute(`ALTER TABLE ${table} ENABLE TRIGGER ALL`)
  }
}

/** Order `n` of `$4`: when it was placed in the year before `$5`, how it ended, its title out of `$1`, and its ids. */
const numbers = `
  SELECT n, ms, to_timestamp(ms / 1000.0) AS at, isbn,
         CASE WHEN n % 100 < 55 THEN 'redeemed' WHEN n % 100 < 80 THEN 'confirmed' WHEN n % 100 < 90 THEN 'expired'
              WHEN n % 100 < 95 THEN 'cancelled' ELSE 'refunded' END AS status,
         (substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id
    FROM (SELECT n, ms, lpad(to_hex(ms), 12, '0') AS hex, isbn
            FROM (SELECT n, ($5::bigint - (($4::bigint - n) * 31536000000 / $4::bigint)) AS ms
                    FROM generate_series($2::bigint, $3::bigint - 1) AS n) AS m
            JOIN public.titles ON i = (n * 7919) % $1::bigint) AS numbered`

/** @param params of `numbers` */
async function addOrders(orders: Database, params: readonly number[]): Promise<void> {
  await orders.execute(
    `INSERT INTO orders.orders (id, idempotency_key, body_hash, token_hash, status, version, details, expires_at, payment,
                                payment_key, transaction_id)
     SELECT id, md5('key' || n)::uuid, md5('body' || n)::uuid, md5('token' || n)::uuid, status::orders.order_status,
            CASE status WHEN 'redeemed' THEN 4 WHEN 'confirmed' THEN 3 WHEN 'refunded' THEN 5 ELSE 2 END,
            format('{"customer":{"name":"Reader %s","email":"reader%s@example.org"},"lines":[{"isbn":"%s","title":"Book %s","quantity":1,"unitPrice":{"amount":1250,"currency":"EUR"}}],"total":{"amount":1250,"currency":"EUR"}}',
                   n % 50000, n % 50000, isbn, isbn),
            at + interval '15 minutes',
            CASE WHEN status IN ('redeemed', 'confirmed') THEN '{"status": "captured"}'::jsonb
                 WHEN status = 'refunded' THEN '{"status": "refunded"}'::jsonb END,
            CASE WHEN status IN ('redeemed', 'confirmed', 'refunded') THEN id::text END, id
       FROM (${numbers}) AS o ORDER BY n`,
    params,
  )
  await orders.execute(
    `INSERT INTO orders.history (order_id, version, status, payment, at)
     SELECT id, v, CASE WHEN v = 2 AND status IN ('redeemed', 'confirmed', 'refunded') THEN 'paid'
                        WHEN v = 3 AND status <> 'expired' THEN 'confirmed' ELSE status END, NULL, at + v * interval '1 minute'
       FROM (${numbers}) AS o, LATERAL generate_series(2, CASE status WHEN 'redeemed' THEN 4 WHEN 'confirmed' THEN 3
                                                                      WHEN 'refunded' THEN 5 ELSE 2 END) AS v
      ORDER BY n, v`,
    params,
  )
  await orders.execute(
    `INSERT INTO orders.vouchers (code, order_id, number, isbn, title, status, created_at, stored_at, redeemed_at, revoked_at)
     SELECT 'V' || n, id, 1, isbn, 'Book ' || isbn,
            CASE status WHEN 'redeemed' THEN 'redeemed' WHEN 'confirmed' THEN 'valid' ELSE 'revoked' END, at, at,
            CASE WHEN status = 'redeemed' THEN at + interval '2 days' END,
            CASE WHEN status = 'refunded' THEN at + interval '1 day' END
       FROM (${numbers}) AS o WHERE status IN ('redeemed', 'confirmed', 'refunded') ORDER BY n`,
    params,
  )
  await orders.execute(
    `INSERT INTO orders.sagas (id, order_id, definition, state, step, created_at, updated_at)
     SELECT id, id, 'paid-order', 'done', 5, at, at FROM (${numbers}) AS o
      WHERE status IN ('redeemed', 'confirmed', 'refunded') ORDER BY n`,
    params,
  )
  await orders.execute(
    `INSERT INTO orders.listed (key, order_id)
     SELECT md5(key)::uuid, id
       FROM (${numbers}) AS o,
            LATERAL (VALUES (format('email reader%s@example.org', n % 50000)), ('isbn ' || isbn)) AS k (key)`,
    params,
  )
}

async function addMovements(books: Database, params: readonly number[]): Promise<void> {
  await books.execute(
    `INSERT INTO catalog.ledger (transaction_id, isbn, movement, held_delta, sold_delta, at)
     SELECT id, isbn, movement, held, sold, at + after
       FROM (${numbers}) AS o, LATERAL (VALUES
         ('reserve', 1, 0, interval '0', true),
         ('confirm', -1, 1, interval '2 minutes', status IN ('redeemed', 'confirmed', 'refunded')),
         ('release', -1, 0, interval '15 minutes', status IN ('expired', 'cancelled')),
         ('return', 0, -1, interval '1 day', status = 'refunded')) AS m (movement, held, sold, after, happened)
      WHERE happened ORDER BY n`,
    params,
  )
  await books.execute(
    `UPDATE catalog.stock s SET sold = s.sold + d.sold, version = s.version + 1
       FROM (SELECT isbn, count(*)::int AS sold FROM (${numbers}) AS o WHERE status IN ('redeemed', 'confirmed')
              GROUP BY isbn) AS d WHERE d.isbn = s.isbn`,
    params,
  )
}
