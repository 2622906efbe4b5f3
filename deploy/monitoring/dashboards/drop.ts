import { dashboard, number, per, percentiles, quantile, series } from './panels.ts'

const request = 'http_server_request_duration_seconds'
const orders = 'role="gateway",http_request_method="POST",http_route="/api/orders"'

/** A limited edition goes on sale: does it sell as fast as it is asked for? */
export const dropLive = dashboard(
  'drop',
  'a drop, live',
  'A limited edition goes on sale: does it sell as fast as it is asked for?',
  [
    {
      title: 'Demand and sale',
      panels: [
        number(
          'Asked for, a second',
          'reqps',
          'octavo:orders_asked:rate1m or vector(0)',
          'Orders, over the last minute.',
        ),
        number(
          'Answered, a second',
          'reqps',
          'octavo:orders_answered:rate1m or vector(0)',
          'Placed or refused for a reason; not overloaded, not failed.',
        ),
        number(
          'Waiting for a group',
          'short',
          'max(octavo_group_waiting)',
          'Orders in the coordinators’ queues, which hold 8192 each.',
          6_000,
        ),
        number(
          'Open live pages',
          'short',
          'sum(octavo_gateway_open_streams)',
          'Readers who watch an order or a title.',
        ),
        number('Requests under way', 'short', 'sum(octavo_gateway_open_requests)', 'At the gateways.'),
        number('Oversold titles', 'short', 'max(octavo_oversold_titles)', 'It has to be 0.', 1),
      ],
    },
    {
      title: 'Orders',
      panels: [
        series(
          'What became of them',
          'reqps',
          [[`sum by (outcome) (rate(octavo_reservations_total${per}))`, '{{outcome}}']],
          'At the coordinators.',
        ),
        series('Until the reader has an answer', 's', percentiles(request, `{${orders}}`), 'At the gateway.'),
        series(
          'Turned away',
          'reqps',
          [
            [
              `sum(rate(${request}_count{${orders},http_response_status_code="429"}${per})) or vector(0)`,
              'too many requests',
            ],
            [
              `sum(rate(${request}_count{${orders},http_response_status_code="503"}${per})) or vector(0)`,
              'overloaded or a part is away',
            ],
            [
              `sum(rate(${request}_count{${orders},http_response_status_code="504"}${per})) or vector(0)`,
              'too late',
            ],
          ],
          'Orders that were not tried.',
        ),
      ],
    },
    {
      title: 'Groups',
      panels: [
        series(
          'Members of a group',
          'short',
          [
            [quantile(0.5, 'octavo_group_size'), 'p50'],
            [quantile(0.99, 'octavo_group_size'), 'p99'],
          ],
          'In a rush groups grow; alone each order is a group of one.',
        ),
        series(
          'Phases of a group',
          's',
          [[quantile(0.95, 'octavo_group_phase_seconds', '', ['phase']), '{{phase}}']],
          'p95. Look up titles, prepare stock, commit orders with the decision, commit stock.',
        ),
        series(
          'How groups ended',
          'ops',
          [[`sum by (end) (rate(octavo_groups_total${per}))`, '{{end}}']],
          'Committed, nothing to write, or aborted and why.',
        ),
      ],
    },
    {
      title: 'After the sale',
      panels: [
        series(
          'Holds and sagas',
          'short',
          [
            ['max(octavo_holds)', 'groups of holds'],
            ['sum(max by (definition, step, state) (octavo_sagas)) or vector(0)', 'sagas at work'],
          ],
          'Copies that wait to be paid, and orders on their way to a voucher.',
        ),
        series(
          'Vouchers waiting to be drawn',
          'short',
          [['sum(octavo_vouchers_waiting)', 'vouchers']],
          'In the generators’ queues.',
        ),
        series(
          'Payments',
          'ops',
          [
            [
              `sum by (operation, outcome) (rate(octavo_payment_seconds_count${per}))`,
              '{{operation}} {{outcome}}',
            ],
          ],
          'What the provider said.',
        ),
      ],
    },
  ],
)
