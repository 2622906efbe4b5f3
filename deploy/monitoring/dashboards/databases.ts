import { dashboard, number, per, quantile, series } from './panels.ts'

const operation = 'db_client_operation_duration_seconds'

/** BookDb and OrderDb as their clients see them, and how their replicas follow. */
export const databases = dashboard(
  'databases',
  'databases and replication',
  'BookDb and OrderDb as their clients see them, and how their replicas follow.',
  [
    {
      title: 'Now',
      panels: [
        number(
          'BookDb answers',
          'short',
          'max(octavo_database_up{database="catalog"})',
          '1 when the last look was answered.',
        ),
        number(
          'OrderDb answers',
          'short',
          'max(octavo_database_up{database="orders"})',
          '1 when the last look was answered.',
        ),
        number(
          'In doubt',
          'short',
          'max(octavo_prepared_transactions)',
          'Transactions that are prepared and not finished.',
          50,
        ),
        number(
          'Oldest in doubt',
          's',
          'max(octavo_prepared_oldest_seconds)',
          'Recovery finishes it within seconds.',
          30,
        ),
        number(
          'Outbox',
          'short',
          'sum(max by (database) (octavo_outbox_messages))',
          'Messages that wait to be carried to the broker.',
          5_000,
        ),
        number(
          'Oldest in the outbox',
          's',
          'max(octavo_outbox_oldest_seconds)',
          'How long a message has waited.',
          60,
        ),
      ],
    },
    {
      title: 'Servers',
      panels: [
        series(
          'Servers that answer',
          'short',
          [['sum by (database) (max by (database, server) (octavo_database_server_up))', '{{database}}']],
          'Primary and replicas.',
        ),
        series(
          'Replica lag',
          's',
          [
            [
              'max by (database, server) (octavo_replica_lag_seconds) or vector(0)',
              '{{database}} {{server}}',
            ],
          ],
          'How old what each replica shows is; without replicas it is 0.',
        ),
        series(
          'Log that replicas have not applied',
          'bytes',
          [['max by (database, server) (octavo_replica_lag_bytes) or vector(0)', '{{database}} {{server}}']],
          'What a replica has to catch up with.',
        ),
        series(
          'Primaries there have been',
          'short',
          [['max by (database) (octavo_database_timeline)', '{{database}}']],
          'A step is a failover.',
        ),
        series(
          'Age of reports',
          's',
          [['max(octavo_warehouse_age_seconds) or vector(0)', 'warehouse']],
          'How old what the warehouse shows is.',
        ),
        series(
          'Archive',
          's',
          [
            [
              'time() - max by (database) (octavo_archive_reaches_timestamp_seconds) or vector(0)',
              '{{database}}',
            ],
          ],
          'How old the newest moment is that can be restored.',
        ),
      ],
    },
    {
      title: 'Work',
      panels: [
        series(
          'Statements and transactions',
          'ops',
          [
            [
              `sum by (db_client_connection_pool_name) (rate(${operation}_count${per}))`,
              '{{db_client_connection_pool_name}}',
            ],
          ],
          'By the pool that they went through.',
        ),
        series(
          'How long they take',
          's',
          [
            [
              quantile(0.95, operation, '', ['db_client_connection_pool_name']),
              '{{db_client_connection_pool_name}}',
            ],
          ],
          'p95, waiting for a connection included.',
        ),
        series(
          'Kinds of work',
          's',
          [[quantile(0.95, operation, '', ['db_operation_name']), '{{db_operation_name}}']],
          'p95 by kind.',
        ),
        series(
          'Errors',
          'ops',
          [
            [
              `sum by (db_client_connection_pool_name, error_type) (rate(${operation}_count{error_type!=""}${per})) or vector(0)`,
              '{{db_client_connection_pool_name}} {{error_type}}',
            ],
          ],
          'By what they are called.',
        ),
      ],
    },
  ],
)
