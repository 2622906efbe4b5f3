import { literal } from '../store/duck.ts'
import { column, local, quarterOf, type Report, startOf, within } from './report.ts'

const wasCaptured = `payment IN ('captured', 'refunded')`
const currency = column('currency', 'text')

const revenue: Report = {
  name: 'revenue',
  title: 'Revenue',
  description: 'Money captured and given back, by the day of the order. Net is what the shop has.',
  columns: [
    column('day', 'day'),
    column('orders', 'count', 'paid orders'),
    ...[column('captured', 'money'), column('refunded', 'money'), column('net', 'money'), currency],
  ],
  chart: { kind: 'line', x: 'day', y: ['captured', 'refunded'] },
  parameters: ['from', 'to'],
  sql: (asked) => `WITH quarters AS (
      SELECT ${quarterOf('placed_at')} AS quarter, count(*) AS orders, sum(total) AS captured,
             coalesce(sum(total) FILTER (payment = 'refunded'), 0) AS refunded, currency
        FROM orders WHERE ${wasCaptured} AND total > 0 AND ${within('placed_at', asked)} GROUP BY quarter, currency
    ) SELECT ${local('quarter', asked)}::DATE AS day, sum(orders)::BIGINT AS orders, sum(captured)::BIGINT AS captured,
             sum(refunded)::BIGINT AS refunded, (sum(captured) - sum(refunded))::BIGINT AS net, currency
        FROM quarters GROUP BY day, currency ORDER BY day DESC, currency LIMIT ${asked.rowsMax}`,
}

const statuses = ['reserved', 'paid', 'confirmed', 'redeemed', 'expired', 'cancelled', 'refunded', 'failed']

const outcomes: Report = {
  name: 'outcomes',
  title: 'What became of orders',
  description: 'Orders of each day by how they stand: held, confirmed, expired, cancelled, refunded.',
  columns: [
    column('day', 'day'),
    column('orders', 'count'),
    ...statuses.map((status) => column(status, 'count', status === 'reserved' ? 'held' : status)),
  ],
  chart: { kind: 'bars', x: 'day', y: ['confirmed', 'redeemed', 'expired', 'cancelled', 'refunded'] },
  parameters: ['from', 'to'],
  sql: (asked) => `WITH quarters AS (
      SELECT ${quarterOf('placed_at')} AS quarter, count(*) AS orders,
             ${statuses.map((status) => `count(*) FILTER (status = '${status}') AS ${status}`).join()}
        FROM orders WHERE ${within('placed_at', asked)} GROUP BY quarter
    ) SELECT ${local('quarter', asked)}::DATE AS day,
             ${['orders', ...statuses].map((name) => `sum(${name})::BIGINT AS ${name}`).join()}
        FROM quarters GROUP BY day ORDER BY day DESC LIMIT ${asked.rowsMax}`,
}

const redemptions: Report = {
  name: 'redemptions',
  title: 'Redemptions by hour',
  description: 'Vouchers redeemed at the counter, by the hour of the day: when somebody should be there.',
  columns: [
    column('hour', 'count'),
    column('redeemed', 'count'),
    column('days', 'count', 'days with any'),
    column('a_day', 'number', 'on such a day'),
  ],
  chart: { kind: 'bars', x: 'hour', y: ['redeemed'] },
  parameters: ['from', 'to'],
  sql: (asked) => `WITH quarters AS (
      SELECT ${quarterOf('redeemed_at')} AS quarter, count(*) AS redeemed
        FROM vouchers WHERE redeemed_at IS NOT NULL AND ${within('redeemed_at', asked)} GROUP BY quarter
    ), redeemed AS (
      SELECT hour(${local('quarter', asked)}) AS hour, ${local('quarter', asked)}::DATE AS day, redeemed FROM quarters
    ) SELECT hour, coalesce(sum(redeemed), 0)::BIGINT AS redeemed, count(DISTINCT day) AS days,
             coalesce(round(sum(redeemed) / nullif(count(DISTINCT day), 0), 1), 0)::DOUBLE AS a_day
        FROM range(24) AS hours (hour) LEFT JOIN redeemed USING (hour) GROUP BY hour ORDER BY hour`,
}

const today: Report = {
  name: 'today',
  title: 'Today',
  description: 'The day so far, beside the same hours of yesterday and of a week ago.',
  columns: [
    column('measure', 'text'),
    ...[column('today', 'amount'), column('yesterday', 'amount'), column('week_ago', 'amount', 'a week ago')],
    currency,
  ],
  parameters: [],
  sql: (asked) => {
    const zone = literal(asked.timeZone)
    const spans = `clock AS (SELECT ${local('cut_at', asked)} AS now FROM this_cut), spans AS (
        SELECT span, ${startOf(`date_trunc('day', now) - to_days(days)`, asked)} AS first,
               timezone('UTC', timezone(${zone}, now - to_days(days))) AS last
          FROM clock, (SELECT unnest(['today', 'yesterday', 'week_ago']) AS span, unnest([0, 1, 7]) AS days))`
    const lately = '(SELECT cut_at - to_days(9) FROM this_cut)'
    const measure = (n: number, name: string, value: string, from: string, moment: string, unit = 'NULL') =>
      `SELECT ${n} AS place, '${name}' AS measure, span, ${value} AS value, ${unit} AS currency FROM spans LEFT JOIN (FROM ${from} WHERE ${moment} >= ${lately}) l ON ${moment} >= first AND ${moment} <= last
       GROUP BY span${unit === 'NULL' ? '' : `, ${unit}`}`
    const sold = `(FROM lines WHERE order_status IN ('confirmed', 'redeemed'))`
    // Once for each order, by its last end, when it came to that: one that is refunded was cancelled before, and what is
    // noted of it later is no second end.
    const ended = `ended AS (SELECT order_id, status, min(changed_at) AS ended_at FROM history
        WHERE status IN ('expired', 'cancelled', 'refunded')
          AND order_id IN (SELECT order_id FROM history WHERE changed_at >= ${lately}) GROUP BY order_id, status
      QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY max(version) DESC) = 1)`
    return `WITH ${spans}, ${ended}, measured AS (
      ${measure(1, 'Orders', 'count(id)', 'orders', 'placed_at')} UNION ALL
      ${measure(2, 'Copies sold', 'coalesce(sum(quantity), 0)', sold, 'placed_at')} UNION ALL
      ${measure(3, 'Revenue', 'coalesce(sum(quantity * unit_price), 0)', sold, 'placed_at', 'l.currency')} UNION ALL
      ${measure(4, 'Vouchers redeemed', 'count(voucher)', 'vouchers', 'redeemed_at')} UNION ALL
      ${measure(5, 'Orders expired', `count(order_id) FILTER (status = 'expired')`, 'ended', 'ended_at')} UNION ALL
      ${measure(6, 'Orders cancelled', `count(order_id) FILTER (status = 'cancelled')`, 'ended', 'ended_at')} UNION ALL
      ${measure(7, 'Orders refunded', `count(order_id) FILTER (status = 'refunded')`, 'ended', 'ended_at')}
    ) SELECT measure, coalesce(max(value) FILTER (span = 'today'), 0)::BIGINT AS today,
             coalesce(max(value) FILTER (span = 'yesterday'), 0)::BIGINT AS yesterday,
             coalesce(max(value) FILTER (span = 'week_ago'), 0)::BIGINT AS week_ago, currency
        FROM measured WHERE place <> 3 OR currency IS NOT NULL GROUP BY place, measure, currency ORDER BY place, currency`
  },
}

export const moneyReports: readonly Report[] = [today, revenue, outcomes, redemptions]
