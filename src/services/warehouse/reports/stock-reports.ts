import { literal } from '../store/duck.ts'
import { type Asked, column, type Report, within } from './report.ts'

const isbn = column('isbn', 'text', 'ISBN')
const title = column('title', 'text')

/** Stock is ordered so that it lasts for this long at the pace of the weeks before. */
const reorderDays = 28

const stock: Report = {
  name: 'stock',
  title: 'Stock and what to reorder',
  description: `Titles that will be gone soonest at the pace of the last ${reorderDays} days, and how many to order for as many more.`,
  columns: [
    ...[isbn, title, column('copies', 'count'), column('held', 'count'), column('sold', 'count')],
    column('available', 'count'),
    column('sold_lately', 'count', `sold in ${reorderDays} days`),
    column('days_left', 'number'),
    column('reorder', 'count'),
  ],
  parameters: [],
  sql: ({ rowsMax }) => `WITH lately AS (
      SELECT isbn, greatest(sum(sold_delta), 0)::BIGINT AS sold_lately FROM ledger
       WHERE moved_at >= (SELECT cut_at FROM this_cut) - INTERVAL ${reorderDays} DAY GROUP BY isbn
    ) SELECT isbn, title, copies, held, sold, copies - held - sold AS available, coalesce(sold_lately, 0) AS sold_lately,
             CASE WHEN sold_lately > 0 THEN round((copies - held - sold)::DOUBLE * ${reorderDays} / sold_lately, 1) END AS days_left,
             greatest(coalesce(sold_lately, 0) - (copies - held - sold), 0)::BIGINT AS reorder
        FROM stock JOIN books USING (isbn) LEFT JOIN lately USING (isbn)
       WHERE copies > 0 OR sold_lately > 0
       ORDER BY reorder DESC, days_left NULLS LAST, available, isbn LIMIT ${rowsMax}`,
}

const drops: Report = {
  name: 'drops',
  title: 'Drops',
  description: 'Limited editions: how much of each is sold, and how its first minute went.',
  columns: [
    ...[isbn, title, column('opened_at', 'time'), column('copies', 'count'), column('held', 'count')],
    ...[column('sold', 'count'), column('sell_through', 'share')],
    column('first_minute', 'count', 'taken in the first minute'),
    column('sold_out_seconds', 'number', 'seconds until all were taken'),
  ],
  chart: { kind: 'bars', x: 'title', y: ['sold', 'held'] },
  parameters: [],
  sql: ({ rowsMax }) => `WITH opened AS (
      SELECT isbn, title, coalesce(sales_open_at, created_at) AS opened_at FROM books WHERE limited
    ), taken AS (
      SELECT isbn, moved_at, opened_at, date_diff('millisecond', opened_at, moved_at) / 1000 AS after,
             sum(held_delta + sold_delta) OVER (PARTITION BY isbn ORDER BY moved_at, id) AS gone,
             sum(copies_delta) OVER (PARTITION BY isbn ORDER BY moved_at, id) AS owned,
             greatest(held_delta + sold_delta, 0) AS taken
        FROM ledger JOIN opened USING (isbn)
    ), how AS (
      SELECT isbn, coalesce(sum(taken) FILTER (after >= 0 AND after < 60), 0)::BIGINT AS first_minute,
             min(after) FILTER (after >= 0 AND gone >= owned AND owned > 0)::DOUBLE AS sold_out_seconds
        FROM taken GROUP BY isbn
    ) SELECT isbn, title, opened_at, copies, held, sold,
             CASE WHEN copies > 0 THEN round(sold / copies, 4) ELSE 0 END::DOUBLE AS sell_through,
             coalesce(first_minute, 0) AS first_minute, sold_out_seconds
        FROM opened JOIN stock USING (isbn) LEFT JOIN how USING (isbn) ORDER BY opened_at DESC, isbn LIMIT ${rowsMax}`,
}

const firstMinute: Report = {
  name: 'drop-first-minute',
  title: 'A drop’s first minute',
  description:
    'Copies taken in each second after a drop opened. Without an ISBN it is the last one that opened.',
  columns: [
    isbn,
    column('second', 'count'),
    column('taken', 'count'),
    column('given_back', 'count'),
    column('left_over', 'count', 'left'),
  ],
  chart: { kind: 'line', x: 'second', y: ['taken', 'left_over'] },
  parameters: ['isbn'],
  sql: (asked) => `WITH drop_ AS (${openedDrop(asked)}), moved AS (
      SELECT floor(date_diff('millisecond', opened_at, moved_at) / 1000)::INT AS second,
             greatest(held_delta + sold_delta, 0) AS taken, greatest(-(held_delta + sold_delta), 0) AS given_back, copies_delta
        FROM ledger JOIN drop_ USING (isbn)
    ), before_it AS (
      SELECT coalesce(sum(copies_delta - held_delta - sold_delta), 0) AS there FROM ledger JOIN drop_ USING (isbn) WHERE moved_at < opened_at
    ), seconds AS (
      SELECT second, coalesce(sum(taken), 0)::BIGINT AS taken, coalesce(sum(given_back), 0)::BIGINT AS given_back,
             coalesce(sum(copies_delta), 0) AS added
        FROM range(60) AS s (second) LEFT JOIN moved USING (second) GROUP BY second
    ) SELECT isbn, second, taken, given_back,
             ((SELECT there FROM before_it) - sum(taken - given_back - added) OVER (ORDER BY second))::BIGINT AS left_over
        FROM seconds, drop_ ORDER BY second`,
}

function openedDrop({ isbn }: Asked): string {
  const from = `SELECT isbn, coalesce(sales_open_at, created_at) AS opened_at FROM books`
  if (isbn !== undefined) return `${from} WHERE isbn = ${literal(isbn)}`
  return `${from} WHERE limited AND coalesce(sales_open_at, created_at) <= (SELECT cut_at FROM this_cut)
    ORDER BY opened_at DESC LIMIT 1`
}

const searches: Report = {
  name: 'searches-without-a-hit',
  title: 'Searches without a hit',
  description:
    'What readers looked for and did not find, most often first. It is counted without knowing who they are.',
  columns: [column('words', 'text'), column('times', 'count'), column('last_day', 'day')],
  chart: { kind: 'bars', x: 'words', y: ['times'] },
  parameters: ['from', 'to'],
  sql: (asked) => `SELECT words, sum(times)::BIGINT AS times, max(day) AS last_day FROM searches
    WHERE ${within('day::TIMESTAMP', { ...asked, timeZone: 'UTC' })} GROUP BY words ORDER BY times DESC, words LIMIT ${asked.rowsMax}`,
}

export const stockReports: readonly Report[] = [stock, drops, firstMinute, searches]
