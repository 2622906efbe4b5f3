import { dashboard, number, per, quantile, series } from './panels.ts'

/** Messages and sagas: what is on its way, what is late, what was given up. */
export const brokerAndSagas = dashboard(
  'broker',
  'broker and sagas',
  'Messages and sagas: what is on its way, what is late, what was given up.',
  [
    {
      title: 'Now',
      panels: [
        number(
          'Dead letters',
          'short',
          'sum(max by (queue) (octavo_dead_letters)) or vector(0)',
          '`octavo dead-letters` lists them with the reason.',
          1,
        ),
        number(
          'Outbox',
          'short',
          'sum(max by (database) (octavo_outbox_messages))',
          'Messages that wait to be carried.',
          5_000,
        ),
        number(
          'Oldest in the outbox',
          's',
          'max(octavo_outbox_oldest_seconds)',
          'How long a message has waited.',
          60,
        ),
        number(
          'Sagas at work',
          'short',
          'sum(max by (definition, step, state) (octavo_sagas)) or vector(0)',
          'Of all kinds.',
        ),
        number(
          'Sagas undoing',
          'short',
          'sum(max by (definition, step, state) (octavo_sagas{state="compensating"})) or vector(0)',
          'They take back what they did.',
        ),
        number(
          'Oldest saga step',
          's',
          'max(octavo_saga_oldest_seconds) or vector(0)',
          'How long a saga has stood where it is.',
          600,
        ),
      ],
    },
    {
      title: 'Messages',
      panels: [
        series(
          'Published',
          'ops',
          [
            [
              `sum by (messaging_destination_name) (rate(messaging_client_sent_messages_total${per}))`,
              '{{messaging_destination_name}}',
            ],
          ],
          'By topic.',
        ),
        series(
          'Handled',
          'ops',
          [
            [
              `sum by (messaging_destination_name) (rate(messaging_process_duration_seconds_count${per}))`,
              '{{messaging_destination_name}}',
            ],
          ],
          'By queue or topic.',
        ),
        series(
          'Handlers that fail',
          'ops',
          [
            [
              `sum by (messaging_destination_name, error_type) (rate(messaging_process_duration_seconds_count{error_type!=""}${per})) or vector(0)`,
              '{{messaging_destination_name}} {{error_type}}',
            ],
          ],
          'The message is tried again, then given up.',
        ),
        series(
          'Until a message was handled',
          's',
          [
            [
              quantile(0.95, 'octavo_message_age_seconds', '', ['messaging_destination_name']),
              '{{messaging_destination_name}}',
            ],
          ],
          'p95 since it was published.',
        ),
        series(
          'Publishing',
          's',
          [
            [
              quantile(0.95, 'messaging_client_operation_duration_seconds', '', ['messaging_system']),
              '{{messaging_system}}',
            ],
          ],
          'p95 until the broker confirmed.',
        ),
        series(
          'Waiting in queues',
          'short',
          [['max by (queue) (octavo_queue_messages)', '{{queue}}']],
          'Messages that nobody has taken yet.',
        ),
        series(
          'Dead letters',
          'short',
          [['max by (queue) (octavo_dead_letters) or vector(0)', '{{queue}}']],
          'By queue.',
        ),
      ],
    },
    {
      title: 'Sagas',
      panels: [
        series(
          'At work',
          'short',
          [
            [
              'sum by (definition, step) (max by (definition, step, state) (octavo_sagas)) or vector(0)',
              '{{definition}} {{step}}',
            ],
          ],
          'By the step they are at.',
        ),
        series(
          'Ended',
          'ops',
          [[`sum by (definition, state) (rate(octavo_sagas_ended_total${per}))`, '{{definition}} {{state}}']],
          'Done, or taken back.',
        ),
        series(
          'Attempts at steps',
          's',
          [[quantile(0.95, 'octavo_saga_step_seconds', '', ['step']), '{{step}}']],
          'p95.',
        ),
      ],
    },
  ],
)
