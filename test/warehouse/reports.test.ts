import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { completed } from '../../src/services/catalog/books/book-fields.ts'
import { entryOf } from '../../src/services/catalog/search/book-keys.ts'
import { eraseCustomer } from '../../src/services/orders/erasure/erase-customer.ts'
import { noteChanges } from '../../src/services/orders/note-changes.ts'
import {
  type Answered,
  type Format,
  openCutReader,
} from '../../src/services/warehouse/engine/answer-query.ts'
import { createQueryEngine } from '../../src/services/warehouse/engine/query-engine.ts'
import { load } from '../../src/services/warehouse/load/load.ts'
import { reportNamed, reports } from '../../src/services/warehouse/reports/reports.ts'
import { currentCut } from '../../src/services/warehouse/store/local-cut.ts'
import type { TestScope } from '../support/database.ts'
import { buy, cancel, confirm, erasing, openShop, type Shop } from './shop.ts'

test('every report runs, and its columns are those it promises', async (t) => {
  const shop = await soldShop(t)
  const read = await reader(t, shop)
  for (const { name, sql, columns } of reports)
    for (const timeZone of ['UTC', 'Europe/Berlin']) {
      const days = { from: '2026-01-01', to: '2099-01-01' }
      const answered = await read(sql({ timeZone, rowsMax: 100, ...days }))
      assert.equal(answered.kind, 'rows', `${name}: ${JSON.stringify(answered)}`)
      const found = answered.kind === 'rows' ? answered.columns.map((column) => column.name) : []
      assert.deepEqual(
        found,
        columns.map((column) => column.name),
        name,
      )
    }
})

test('what the reports add up to is what OrderDb and the ledger have, to the cent', async (t) => {
  const shop = await soldShop(t)
  const read = await reader(t, shop)
  const rows = async (name: string, chosen = {}) => {
    const answered = await read(reportNamed(name)?.sql({ timeZone: 'UTC', rowsMax: 1_000, ...chosen }) ?? '')
    assert.ok(answered.kind === 'rows', JSON.stringify(answered))
    const names = answered.columns.map((column) => column.name)
    return answered.rows.map((row) => Object.fromEntries(names.map((each, i) => [each, row[i]])))
  }
  const sum = (found: Record<string, unknown>[], of: string) =>
    found.reduce((all, row) => all + Number(row[of]), 0)
  const [money] = await shop.orders.query<{ captured: number; sold: number }>(
    `SELECT sum((details::json -> 'total' ->> 'amount')::bigint) FILTER (WHERE payment ->> 'status' = 'captured')::bigint AS captured,
            count(*) FILTER (WHERE status = 'confirmed')::int AS sold FROM orders.orders`,
    [],
  )
  assert.equal(sum(await rows('revenue'), 'net'), money?.captured)
  assert.equal(sum(await rows('sales-by-day'), 'revenue'), money?.captured)
  assert.equal(sum(await rows('sales-by-title'), 'copies'), money?.sold)
  assert.equal(sum(await rows('sales-by-format'), 'copies'), money?.sold)
  assert.deepEqual(
    (await rows('sales-by-channel')).map(({ channel, copies }) => [channel, copies]),
    [['api', money?.sold]],
  )
  assert.equal(sum(await rows('stock'), 'sold'), money?.sold)
  const [outcomes] = await rows('outcomes')
  assert.deepEqual(
    [outcomes?.orders, outcomes?.confirmed, outcomes?.cancelled, outcomes?.reserved],
    [12, 6, 3, 3],
  )
  assert.equal(sum(await rows('sales-by-day', { from: '2020-01-01', to: '2020-12-31' }), 'orders'), 0)
  const today = await rows('today')
  assert.equal(today.find(({ measure }) => measure === 'Copies sold')?.today, 6)
})

test('an order that ended counts once, whatever is noted of it later', async (t) => {
  const shop = await soldShop(t)
  await eraseCustomer(erasing(shop), 'buyer 6@example.org')
  await load(shop.loading)
  const read = await reader(t, shop)
  const answered = await read(reportNamed('today')?.sql({ timeZone: 'UTC', rowsMax: 100 }) ?? '')
  const rows = answered.kind === 'rows' ? answered.rows : []
  assert.equal(rows.find(([measure]) => measure === 'Orders cancelled')?.[1], 3)
})

test('an order that was cancelled and refunded counts as refunded', async (t) => {
  const shop = await soldShop(t)
  const [order] = await shop.orders.query<{ id: string }>(
    `UPDATE orders.orders SET status = 'refunded', version = version + 1 WHERE id IN
       (SELECT id FROM orders.orders WHERE status = 'cancelled' LIMIT 1) RETURNING id`,
    [],
  )
  await shop.orders.transaction((tx) => noteChanges(tx, [order?.id ?? '']))
  await load(shop.loading)
  const read = await reader(t, shop)
  const answered = await read(reportNamed('today')?.sql({ timeZone: 'UTC', rowsMax: 100 }) ?? '')
  const rows = answered.kind === 'rows' ? answered.rows : []
  const counts = ['Orders cancelled', 'Orders refunded'].map(
    (name) => rows.find(([each]) => each === name)?.[1],
  )
  assert.deepEqual(counts, [2, 1])
})

test('of more days than are shown it is the last ones', async (t) => {
  const shop = await soldShop(t)
  await shop.orders.execute(
    `UPDATE orders.orders SET id = ('0190' || substr(id::text, 5))::uuid WHERE status = 'cancelled'`,
  )
  await load({ ...shop.loading, whole: true })
  const read = await reader(t, shop)
  const answered = await read(reportNamed('outcomes')?.sql({ timeZone: 'UTC', rowsMax: 1 }) ?? '')
  assert.deepEqual(answered.kind === 'rows' && answered.rows[0]?.slice(1, 3), [9, 3])
})

test('what is left of a drop in its first minute counts copies that came within it', async (t) => {
  const shop = await openShop(t)
  const isbn = '9780000001007'
  const price = { amount: 1_000, currency: 'EUR' }
  const book = {
    ...entryOf(isbn, completed({ title: 'A drop', price, limited: true })),
    copies: 5,
    reason: null,
  }
  await shop.books.books.change((changes) => changes.add([book]))
  await buy(shop, 'a', isbn)
  await load(shop.loading)
  const read = await reader(t, shop)
  const answered = await read(reportNamed('drop-first-minute')?.sql({ timeZone: 'UTC', rowsMax: 100 }) ?? '')
  const last = answered.kind === 'rows' ? answered.rows.at(-1) : answered
  assert.deepEqual(last, [isbn, 59, 0, 0, 4])
})

test('a file for spreadsheets holds no formula, and its numbers are numbers', async (t) => {
  const shop = await soldShop(t)
  const read = await reader(t, shop)
  const told = async (sql: string) => {
    const answered = await read(sql, 'csv')
    return answered.kind === 'file' ? answered.bytes.toString() : answered
  }
  assert.equal(
    await told(
      `SELECT '=1+1' AS a, '-x' AS "b""c", -5 AS n, 'x=1' AS a, NULL::VARCHAR AS e, '@' AS f; -- all`,
    ),
    `a,"b""c",n,a_1,e,f\n'=1+1,'-x,-5,x=1,,'@\n`,
  )
  assert.equal(
    await told(
      `SELECT '=1'::ENUM('=1') AS "=1+1", '=2'::BLOB AS b, ['=3'] AS l, '＝4' AS w, TRUE AS "@t", 1.50 AS d`,
    ),
    `'=1+1,b,l,w,'@t,d\n'=1,'=2,['=3'],'＝4,true,1.50\n`,
    'whatever its type, and in the names of columns',
  )
  assert.equal(await told('SELECT i FROM range(3) AS t (i) ORDER BY i DESC'), 'i\n2\n1\n0\n')
})

test('SQL of one’s own reads the warehouse, and nothing else whatever it tries', async (t) => {
  const shop = await soldShop(t)
  const read = await reader(t, shop)
  const answered = await read('SELECT count(*) AS n FROM orders')
  assert.deepEqual(answered.kind === 'rows' && answered.rows, [[12]])
  const refused = [
    `SELECT * FROM read_text('/etc/passwd')`,
    `SELECT * FROM read_csv('https://example.org/x.csv')`,
    `SELECT * FROM glob('/**')`,
    `SELECT * FROM read_parquet('${shop.root}/parts/**/*.parquet')`,
    `COPY orders TO '/tmp/out.csv'`,
    `ATTACH '/tmp/other.db'`,
    `CREATE TABLE mine (a int)`,
    `SET memory_limit = '100GB'`,
    `SELECT 1; SELECT 2`,
    `INSTALL httpfs`,
    `nonsense`,
    `SELECT 1) TO '/tmp/x.csv' (FORMAT csv); --`,
  ]
  for (const sql of refused) assert.equal((await read(sql)).kind, 'refused', sql)
  for (const [sql, words] of [
    ['-- nothing', /no statement/],
    ['PIVOT orders ON status USING count(*)', /ON column IN/],
  ] as const) {
    const told = await read(sql)
    assert.match(told.kind === 'refused' ? told.reason : told.kind, words)
  }
  const pivoted = await read(`PIVOT orders ON status IN ('confirmed') USING count(*)`)
  assert.equal(pivoted.kind, 'rows', JSON.stringify(pivoted))
  const wide = await read(`SELECT repeat('x', 60000) FROM range(1000)`)
  assert.match(wide.kind === 'over' ? wide.reason : '', /ask for less/)
  const odd = await read(
    `SELECT 'NaN'::DOUBLE, 12345678901234567890::HUGEINT, {'a': 1::BIGINT}, '\\x00A'::BLOB, [{'a': DATE '2026-01-02'}]`,
  )
  assert.deepEqual(odd.kind === 'rows' ? odd.rows[0]?.slice(1) : odd, [
    '12345678901234567890',
    '{"a":1}',
    '0041',
    ['{"a":"2026-01-02"}'],
  ])
  const exact = await read(
    `SELECT 12345678901234567.89::DECIMAL(38, 2), 1.50::DECIMAL(9, 2), TIMESTAMP '2026-01-02 03:04:05.678901', 'infinity'::DATE,
            DATE '0044-03-15 (BC)', 'infinity'::TIMESTAMP, TIMESTAMP_NS '1969-12-31 23:59:59.999999999', TIME '10:00:00',
            TIMESTAMPTZ '2026-01-02 03:04:05+02', {'a': [{'b': 1}]}, -9007199254740993`,
  )
  assert.deepEqual(exact.kind === 'rows' ? exact.rows[0] : exact, [
    ...[
      '12345678901234567.89',
      1.5,
      '2026-01-02T03:04:05.678901Z',
      'infinity',
      '0044-03-15 (BC)',
      'infinity',
    ],
    ...['1969-12-31T23:59:59.999999Z', '10:00:00', '2026-01-02T01:04:05.000Z', '{"a":[{"b":1}]}'],
    '-9007199254740993',
  ])
  const huge = await read('SELECT list(a.range) FROM range(30000000) a GROUP BY a.range % 3')
  assert.match(huge.kind === 'over' ? huge.reason : '', /memory/i)
  assert.equal((await read('SELECT 1')).kind, 'rows', 'and goes on working')
})

const endless = 'WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'

test('what never ends or takes all memory ends with its process, and the next question is answered', async (t) => {
  const shop = await soldShop(t)
  await using engine = createQueryEngine(shop.root, 'queries', systemClock)
  const ask = (sql: string, deadlineMs = 60_000) =>
    engine.ask({ sql, format: 'json', rowsMax: 10 }, deadlineMs)
  assert.equal((await ask(endless, 2_000)).kind, 'over')
  assert.equal((await ask(`SELECT repeat('x', 2000000000)`)).kind, 'over')
  assert.equal((await ask('SELECT count(*) FROM orders')).kind, 'rows', 'and the next')
  const wide = { sql: `SELECT repeat('x', 1000) FROM range(1000000000)`, format: 'csv', rowsMax: 10 } as const
  const answered = await engine.ask(wide, 60_000)
  assert.match(
    answered.kind === 'over' ? answered.reason : '',
    /file would have more/,
    'and no disk is filled',
  )
})

test('what one question turns on in the engine is gone before the next', async (t) => {
  const shop = await soldShop(t)
  await using engine = createQueryEngine(shop.root, 'queries', systemClock, 'one')
  const ask = (sql: string) => engine.ask({ sql, format: 'json', rowsMax: 10 }, 60_000)
  const logging = `SELECT * FROM enable_logging(storage = 'file', storage_config = {'path': '/tmp/octavo-log'})`
  assert.equal((await ask(logging)).kind, 'rows', 'a lock on settings does not keep it from that')
  assert.equal((await ask('SELECT count(*) FROM orders')).kind, 'rows')
})

test('what has waited for so long that nobody waits for it any more is not begun', async (t) => {
  const shop = await soldShop(t)
  const clock = { ...systemClock, monotonicMs: () => 10 * systemClock.monotonicMs() }
  await using engine = createQueryEngine(shop.root, 'queries', clock, 'one')
  const ask = (sql: string) => engine.ask({ sql, format: 'json', rowsMax: 10 }, 2_000)
  const [first, second] = await Promise.allSettled([ask(endless), ask(endless)])
  assert.equal(first?.status === 'fulfilled' && first.value.kind, 'over')
  assert.equal(second?.status === 'rejected' && second.reason.status, 503)
  const next = await engine.ask({ sql: 'SELECT 1', format: 'json', rowsMax: 10 }, 60_000)
  assert.equal(next.kind, 'rows')
})

/** A shop with twelve orders: six paid, three cancelled, three waiting. */
async function soldShop(t: TestScope): Promise<Shop> {
  const shop = await openShop(t)
  for (let i = 0; i < 12; i++) {
    const isbn = shop.isbns[1 + (i % 4)] as string
    const id = (await buy(shop, `buyer ${i}`, isbn)) as string
    if (i < 6) await confirm(shop, id, isbn)
    else if (i < 9) await cancel(shop, id, isbn)
  }
  await shop.engine.idle()
  assert.deepEqual((await load(shop.loading)).disagreements, [])
  return shop
}

async function reader(
  t: TestScope,
  shop: Shop,
): Promise<(sql: string, format?: Format) => Promise<Answered>> {
  const folder = await mkdtemp(join(tmpdir(), 'octavo-reader-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const cut = await currentCut(shop.root)
  assert.ok(cut)
  const opened = await openCutReader(cut, folder)
  t.after(() => opened[Symbol.asyncDispose]())
  return (sql, format = 'json') => opened.answer({ sql, format, rowsMax: 1_000 })
}
