import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { voucherObjectKey } from '#services/vouchers'
import { addOrder, openOrders } from '../../../../test/support/orders.ts'
import { rowsTouchedIn } from '../../../../test/support/rows-touched.ts'
import { preparePartitions } from '../old/partitions.ts'
import { deleteOldPdfs } from './keep-pdfs.ts'

test('PDFs go so many days after their voucher was redeemed or revoked, once, and never while it is valid', async (t) => {
  const database = await openOrders(t, 'keep_pdfs')
  const orderId = await addOrder(database, { status: 'confirmed' })
  const add = (code: string, number: number, status: string, column: string, days: number) =>
    database.execute(
      `INSERT INTO orders.vouchers (code, order_id, number, isbn, title, status, created_at, ${column})
       VALUES ($1, $2, $3, '9780000000002', 'A title', $4, now() - interval '9 years', now() - make_interval(days => $5))`,
      [code, orderId, number, status, days],
    )
  await add('VALID', 1, 'valid', 'stored_at', 3_000)
  await add('FRESH', 2, 'redeemed', 'redeemed_at', 29)
  await add('REDEEMED', 3, 'redeemed', 'redeemed_at', 31)
  // More than a page that were revoked at one moment.
  const many = Array.from({ length: 450 }, (_, i) => `MANY-${String(i).padStart(3, '0')}`)
  await database.execute(
    `INSERT INTO orders.vouchers (code, order_id, number, isbn, title, status, revoked_at)
     SELECT code, $2, number, '9780000000002', 'A title', 'revoked', now() - interval '40 days'
       FROM unnest($1::text[]) WITH ORDINALITY AS v (code, number)`,
    [many, orderId],
  )
  const deleted: string[] = []
  const objects = { delete: async (key: string) => void deleted.push(key) }
  let pages = 0
  const keeping = { database, objects, clock: systemClock }
  const clean = () => deleteOldPdfs(keeping, 30, async () => ++pages < 20)
  assert.equal(await clean(), 451)
  assert.deepEqual(
    deleted.sort(),
    ['REDEEMED', ...many].map((code) => voucherObjectKey(orderId, code)).sort(),
  )
  assert.equal(await clean(), 0, 'what was seen is not looked for again')
  await add('LATER', 900, 'redeemed', 'redeemed_at', 30)
  // The server's clock counts microseconds: by this one the voucher might not be old enough yet.
  keeping.clock = { ...systemClock, now: () => systemClock.now() + 1_000 }
  assert.equal(await clean(), 1)
  assert.equal(deleted.at(-1), voucherObjectKey(orderId, 'LATER'))
})

test('a page of vouchers that are done with is read by index, at hand and away', async (t) => {
  const database = await openOrders(t, 'pdf_plans')
  const orderId = await addOrder(database, { status: 'confirmed' })
  await preparePartitions(database, [orderId])
  for (const table of ['vouchers', 'old_vouchers']) {
    await database.execute(
      `INSERT INTO orders.${table} (code, order_id, number, isbn, title, status, created_at, redeemed_at)
       SELECT $2 || n, $1, n, '9780000000002', 'A title', CASE WHEN n % 5 = 0 THEN 'valid' ELSE 'redeemed' END, now(),
              CASE WHEN n % 5 > 0 THEN now() - make_interval(mins => 100000 - n) END FROM generate_series(1, 10000) n`,
      [orderId, table],
    )
    await database.execute(`ANALYZE orders.${table}`)
  }
  const [part] = await database.query<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'orders.old_vouchers'::regclass`,
    [],
  )
  const tables = ['vouchers', part?.name.replace('orders.', '') ?? '']
  const objects = { delete: async () => {} }
  let pages = 0
  const touched = await rowsTouchedIn(tables)(database, (recorded) =>
    deleteOldPdfs({ database: recorded, objects, clock: systemClock }, 30, async () => ++pages <= 3),
  )
  assert.ok(touched < 1_000, `three pages touch ${touched} rows`)
})
