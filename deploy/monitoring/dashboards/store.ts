import { dashboard, notWaiting, number, per, percentiles, quantile, series } from './panels.ts'

const request = 'http_server_request_duration_seconds'
const orders = 'role="gateway",http_request_method="POST",http_route="/api/orders"'

/** Is the store well, and if not, where to look: the first page to open. */
export const storeOverview = dashboard(
  'store',
  'the store',
  'Is the store well, and if not, where to look.',
  [
    {
      title: 'Now',
      panels: [
        number(
          'Alerts firing',
          'short',
          'count(ALERTS{alertname=~"Octavo.*",alertstate="firing"}) or vector(0)',
          'Each has a page in docs/runbooks.',
          1,
        ),
        number(
          'Oversold titles',
          'short',
          'max(octavo_oversold_titles)',
          'More held and sold than there are copies. It has to be 0.',
          1,
        ),
        number(
          'Unmatched captures',
          'short',
          'max(octavo_unmatched_captures)',
          'Money that was captured for an order that ended unpaid.',
          1,
        ),
        number(
          'Vouchers without a PDF',
          'short',
          'max(octavo_vouchers_without_object)',
          'Of confirmed orders.',
          1,
        ),
        number(
          'Databases that answer',
          'short',
          'sum(max by (database) (octavo_database_up))',
          'BookDb and OrderDb: 2 when all is well.',
        ),
        number(
          'Processes that answer',
          'short',
          'sum(up{role!=""})',
          'Roles whose numbers Prometheus could read.',
        ),
      ],
    },
    {
      title: 'What readers see',
      panels: [
        series(
          'Orders',
          'reqps',
          [
            [`sum(rate(${request}_count{${orders},http_response_status_code=~"2.."}${per}))`, 'placed'],
            [
              `sum(rate(${request}_count{${orders},http_response_status_code=~"4.."}${per})) or vector(0)`,
              'refused',
            ],
            [
              `sum(rate(${request}_count{${orders},http_response_status_code=~"5.."}${per})) or vector(0)`,
              'failed',
            ],
          ],
          'Orders that were asked for, by how they were answered.',
        ),
        series(
          'Until an order is answered',
          's',
          percentiles(request, `{${orders}}`),
          'At the gateway. The objective is 99 % within half a second.',
        ),
        series(
          'Until a voucher is there',
          's',
          percentiles('octavo_voucher_wait_seconds'),
          'From the wish to the stored PDF. The objective is 99 % within ten seconds.',
        ),
        series(
          'Reads',
          'reqps',
          [
            [
              `sum by (http_route) (rate(${request}_count{role="gateway",http_request_method="GET",http_route=~"/api/books.*"}${per}))`,
              '{{http_route}}',
            ],
          ],
          'Lists and books.',
        ),
        series(
          'Until a read is answered',
          's',
          percentiles(request, '{role="gateway",http_request_method="GET",http_route=~"/api/books.*"}'),
          'At the gateway, from its memory or not.',
        ),
        series(
          'Faults',
          'reqps',
          [
            [
              `sum by (role) (rate(${request}_count{http_response_status_code=~"5.."}${per})) or vector(0)`,
              '{{role}}',
            ],
          ],
          'Answers of 500 and more, by the role that gave them.',
        ),
      ],
    },
    {
      title: 'How much of each error budget is being used',
      panels: [
        series(
          'Share that missed its objective, 5 minutes',
          'percentunit',
          [
            ['octavo:orders:errors_ratio_5m or vector(0)', 'orders accepted'],
            ['octavo:order_latency:errors_ratio_5m or vector(0)', 'orders in time'],
            ['octavo:vouchers:errors_ratio_5m or vector(0)', 'vouchers in time'],
            ['octavo:reads:errors_ratio_5m or vector(0)', 'reads answered'],
          ],
          'An alert fires when the budget of a month would be gone in two days, or in five.',
        ),
        series(
          'The same, 1 hour',
          'percentunit',
          [
            ['octavo:orders:errors_ratio_1h or vector(0)', 'orders accepted'],
            ['octavo:order_latency:errors_ratio_1h or vector(0)', 'orders in time'],
            ['octavo:vouchers:errors_ratio_1h or vector(0)', 'vouchers in time'],
            ['octavo:reads:errors_ratio_1h or vector(0)', 'reads answered'],
          ],
          'The long window of the fast alerts.',
        ),
        series(
          'Slowest role',
          's',
          [[quantile(0.99, request, `{role!="",${notWaiting}}`, ['role']), '{{role}}']],
          'p99 of all answers, by role; without those that wait for news.',
        ),
      ],
    },
  ],
)
