import { dashboard, number, per, percentiles, quantile, series } from './panels.ts'

const request = 'http_server_request_duration_seconds'

/** The way of an order, step by step as ARCHITECTURE.md tells it: where does it take its time, and where does it stop? */
export const orderPath = dashboard(
  'order',
  'the path of an order',
  'Step by step, as ARCHITECTURE.md tells it: where does an order take its time, and where does it stop?',
  [
    {
      title: '1–2 · gateway and coordinator',
      panels: [
        series(
          'Gateway',
          's',
          percentiles(request, '{role="gateway",http_request_method="POST",http_route="/api/orders"}'),
          'From the request to the end of its answer.',
        ),
        series(
          'Re-routes',
          'ops',
          [
            [
              `sum by (service, reason) (rate(octavo_gateway_reroutes_total${per})) or vector(0)`,
              '{{service}} {{reason}}',
            ],
          ],
          'Requests sent to another instance than the first choice.',
        ),
        series(
          'Waiting for a group',
          'short',
          [['max(octavo_group_waiting)', 'orders']],
          'In the fullest coordinator.',
        ),
      ],
    },
    {
      title: '3–7 · one transaction over both databases',
      panels: [
        series(
          'Look up',
          's',
          percentiles('octavo_group_phase_seconds', '{phase="look-up"}'),
          'Titles, keys and limits.',
        ),
        series(
          'Prepare',
          's',
          percentiles('octavo_group_phase_seconds', '{phase="prepare"}'),
          'catalog allots copies and prepares.',
        ),
        series(
          'Decide',
          's',
          percentiles('octavo_group_phase_seconds', '{phase="decide"}'),
          'orders commits the orders with the decision.',
        ),
        series(
          'Commit',
          's',
          percentiles('octavo_group_phase_seconds', '{phase="commit"}'),
          'catalog commits what it prepared.',
        ),
        series(
          'In doubt',
          'short',
          [['max(octavo_prepared_transactions)', 'prepared']],
          'Prepared and not finished.',
        ),
        series(
          'Age of the oldest in doubt',
          's',
          [['max(octavo_prepared_oldest_seconds)', 'oldest']],
          'Recovery finishes it within seconds.',
        ),
      ],
    },
    {
      title: '8–9 · saga',
      panels: [
        series(
          'Steps',
          's',
          [[quantile(0.95, 'octavo_saga_step_seconds', '', ['step']), '{{step}}']],
          'p95 of an attempt at each step.',
        ),
        series(
          'What steps came to',
          'ops',
          [[`sum by (step, event) (rate(octavo_saga_steps_total${per}))`, '{{step}} {{event}}']],
          'Ran, waits, failed, undone.',
        ),
        series(
          'Payments',
          's',
          [[quantile(0.95, 'octavo_payment_seconds', '', ['operation']), '{{operation}}']],
          'p95 of the provider’s answers.',
        ),
      ],
    },
    {
      title: '10–13 · voucher and news',
      panels: [
        series('Until the PDF is stored', 's', percentiles('octavo_voucher_wait_seconds'), 'From the wish.'),
        series(
          'News on its way',
          's',
          [
            [
              quantile(0.95, 'octavo_message_age_seconds', '', ['messaging_destination_name']),
              '{{messaging_destination_name}}',
            ],
          ],
          'p95 of the age of messages when they had been handled.',
        ),
        series(
          'Orders by status',
          'short',
          [['max by (status) (octavo_recent_orders)', '{{status}}']],
          'Of the last ten thousand.',
        ),
      ],
    },
    {
      title: 'Money and copies',
      panels: [
        number(
          'Unmatched captures',
          'short',
          'max(octavo_unmatched_captures)',
          'Captured for an order that ended unpaid.',
          1,
        ),
        number(
          'Hold overdue',
          's',
          'max(octavo_hold_overdue_seconds)',
          'How long the oldest hold is past its end.',
          120,
        ),
        number(
          'Oldest saga step',
          's',
          'max(octavo_saga_oldest_seconds) or vector(0)',
          'How long a saga has stood where it is.',
          600,
        ),
        number(
          'Voucher waits',
          's',
          'max(octavo_voucher_oldest_wait_seconds)',
          'The oldest that has no PDF yet.',
          60,
        ),
        number(
          'Vouchers refused',
          'short',
          'sum(increase(octavo_vouchers_refused_total[5m]))',
          'In five minutes, because the queue was full.',
          1,
        ),
        number(
          'Vouchers dropped',
          'short',
          'sum(increase(octavo_vouchers_dropped_total[5m]))',
          'In five minutes; they are asked for again.',
          1,
        ),
      ],
    },
  ],
)
