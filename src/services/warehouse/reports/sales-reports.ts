import { column, isSold, local, quarterOf, type Report, within } from './report.ts'

const amounts = [column('orders', 'count'), column('copies', 'count'), column('revenue', 'money')]
const currency = column('currency', 'text')
const taken = `sum(quantity)::BIGINT AS copies, sum(quantity * unit_price)::BIGINT AS revenue`

const byDay: Report = {
  name: 'sales-by-day',
  title: 'Sales by day',
  description: 'Orders, copies and revenue of each day, by when they were ordered.',
  columns: [column('day', 'day'), ...amounts, currency],
  chart: { kind: 'bars', x: 'day', y: ['revenue'] },
  parameters: ['from', 'to'],
  sql: (asked) => `WITH quarters AS (
      SELECT ${quarterOf('placed_at')} AS quarter, count(*) FILTER (line = 1) AS orders, ${taken}, currency FROM lines
       WHERE ${isSold} AND ${within('placed_at', asked)} GROUP BY quarter, currency
    ) SELECT ${local('quarter', asked)}::DATE AS day, sum(orders)::BIGINT AS orders, sum(copies)::BIGINT AS copies,
             sum(revenue)::BIGINT AS revenue, currency
        FROM quarters GROUP BY day, currency ORDER BY day DESC, currency LIMIT ${asked.rowsMax}`,
}

const byTitle: Report = {
  name: 'sales-by-title',
  title: 'Sales by title',
  description: 'The titles that sold most, with what they brought in.',
  columns: [column('isbn', 'text', 'ISBN'), column('title', 'text'), ...amounts, currency],
  chart: { kind: 'bars', x: 'title', y: ['copies'] },
  parameters: ['from', 'to'],
  // An order has a title in one line at most.
  sql: (asked) => `SELECT isbn, any_value(title) AS title, count(*) AS orders, ${taken}, currency FROM lines
    WHERE ${isSold} AND ${within('placed_at', asked)} GROUP BY isbn, currency
    ORDER BY copies DESC, isbn, currency LIMIT ${asked.rowsMax}`,
}

/**
 * What sold of books, added up by title first: there are few of them beside their sales. Orders of several titles are told
 * apart, since two of these may have the same value, and that order counts for it once.
 * @param value SQL of what a book is grouped by
 */
const by = (name: string, title: string, description: string, value: string): Report => ({
  ...{ name, title, description },
  columns: [column('value', 'text', title.replace('Sales by ', '')), ...amounts, currency],
  chart: { kind: 'bars', x: 'value', y: ['revenue'] },
  parameters: ['from', 'to'],
  sql: (asked) => `WITH sold AS (
      SELECT isbn, currency, order_id, quantity, unit_price FROM lines WHERE ${isSold} AND ${within('placed_at', asked)}
    ), several AS (SELECT DISTINCT order_id FROM lines WHERE line > 1
    ), titles AS (
      SELECT isbn, currency, count(*) AS orders, ${taken} FROM sold ANTI JOIN several USING (order_id) GROUP BY isbn, currency
    ), grouped AS (SELECT isbn, ${value} AS value FROM books
    ), parts AS (
      SELECT value, currency, sum(orders) AS orders, sum(copies) AS copies, sum(revenue) AS revenue
        FROM titles LEFT JOIN grouped USING (isbn) GROUP BY value, currency
      UNION ALL
      SELECT value, currency, count(DISTINCT order_id), ${taken}
        FROM sold SEMI JOIN several USING (order_id) LEFT JOIN grouped USING (isbn) GROUP BY value, currency
    ) SELECT coalesce(value, 'not told') AS value, sum(orders)::BIGINT AS orders, sum(copies)::BIGINT AS copies,
             sum(revenue)::BIGINT AS revenue, currency
        FROM parts GROUP BY 1, currency ORDER BY revenue DESC, 1, currency LIMIT ${asked.rowsMax}`,
})

const byChannel: Report = {
  name: 'sales-by-channel',
  title: 'Sales by channel',
  description:
    'Where orders were placed: in the shop, by a program (api), or under a name that a program gave.',
  columns: [column('channel', 'text'), ...amounts, currency],
  chart: { kind: 'bars', x: 'channel', y: ['revenue'] },
  parameters: ['from', 'to'],
  sql: (
    asked,
  ) => `SELECT coalesce(channel, 'api') AS channel, count(*) AS orders, sum(copies)::BIGINT AS copies,
      sum(total)::BIGINT AS revenue, currency FROM orders
    WHERE status IN ('confirmed', 'redeemed') AND ${within('placed_at', asked)}
    GROUP BY 1, currency ORDER BY revenue DESC, 1, currency LIMIT ${asked.rowsMax}`,
}

export const salesReports: readonly Report[] = [
  byDay,
  byTitle,
  by(
    'sales-by-subject',
    'Sales by subject',
    'A copy counts for each subject of its title, so that the sums are more than what was sold.',
    'unnest(subjects)',
  ),
  by('sales-by-publisher', 'Sales by publisher', 'What each publisher’s titles brought in.', 'publisher'),
  byChannel,
  by('sales-by-format', 'Sales by format', 'Hardcovers, paperbacks and whatever else there is.', 'format'),
]
