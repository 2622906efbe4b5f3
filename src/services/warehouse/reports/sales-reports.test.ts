import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDuck } from '../store/duck.ts'
import { salesReports } from './sales-reports.ts'

const asked = { timeZone: 'UTC', rowsMax: 10_000 }

/** Orders of one to three of nine titles; a title has two subjects or none, and some books are not there any more. */
const shop = `
  CREATE TABLE books AS
  SELECT 'b' || i AS isbn, CASE WHEN i % 4 = 0 THEN NULL ELSE 'p' || i % 3 END AS publisher, 'hardcover' AS format,
         CASE WHEN i % 5 = 0 THEN [] ELSE ['s' || i % 2, 't' || i % 3] END AS subjects
    FROM range(8) AS r (i);
  CREATE TABLE lines AS
  SELECT n AS order_id, l AS line, 'b' || (n * 7 + l * (1 + n % 4)) % 9 AS isbn, 'Title' AS title, 1 + n % 3 AS quantity,
         100 + n AS unit_price, CASE WHEN n % 11 = 0 THEN 'USD' ELSE 'EUR' END AS currency,
         CASE WHEN n % 6 = 0 THEN 'cancelled' ELSE 'confirmed' END AS order_status, TIMESTAMP '2026-01-01' AS placed_at
    FROM range(500) AS r (n), range(1, 2 + n % 3) AS s (l)`

test('an order of several titles counts once for each subject, publisher and format of its titles', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'octavo-sales-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await using duck = await openDuck({ folder })
  for (const statement of shop.split(';')) await duck.rows(statement)
  const values = {
    'sales-by-subject': 'unnest(subjects)',
    'sales-by-publisher': 'publisher',
    'sales-by-format': 'format',
  }
  for (const [name, value] of Object.entries(values)) {
    const report = salesReports.find((each) => each.name === name)
    const plainly = await duck.rows(
      `WITH grouped AS (SELECT isbn, ${value} AS value FROM books)
       SELECT coalesce(value, 'not told') AS value, count(DISTINCT order_id) AS orders, sum(quantity)::BIGINT AS copies,
              sum(quantity * unit_price)::BIGINT AS revenue, currency
         FROM lines LEFT JOIN grouped USING (isbn) WHERE order_status = 'confirmed'
        GROUP BY 1, currency ORDER BY revenue DESC, 1, currency`,
    )
    assert.deepEqual(await duck.rows(report?.sql(asked) ?? ''), plainly, name)
  }
})
