import { dashboard, notWaiting, number, per, quantile, series } from './panels.ts'

const request = 'http_server_request_duration_seconds'

/** The public door: what comes in, what it keeps from breaking, what it answers from memory. */
export const gatewayAndCache = dashboard(
  'gateway',
  'gateway and cache',
  'The public door: what comes in, what it keeps from breaking, what it answers from memory.',
  [
    {
      title: 'Now',
      panels: [
        number('Requests under way', 'short', 'sum(octavo_gateway_open_requests)', 'At all gateways.'),
        number('Open live pages', 'short', 'sum(octavo_gateway_open_streams)', 'Server-sent events.'),
        number(
          'Open circuits',
          'short',
          'max(octavo_gateway_open_breakers)',
          'Instances that get no requests.',
          1,
        ),
        number(
          'From memory',
          'percentunit',
          'sum(octavo_gateway_cache_hits_total) / (sum(octavo_gateway_cache_hits_total) + sum(octavo_gateway_cache_misses_total) > 0)',
          'Share of reads since the start.',
        ),
        number('Cache servers', 'short', 'max(octavo_gateway_cache_nodes_up)', 'That answer.'),
        number('Limited clients', 'short', 'sum(octavo_gateway_limited_clients)', 'Who asked too often.'),
      ],
    },
    {
      title: 'Requests',
      panels: [
        series(
          'By route',
          'reqps',
          [[`topk(8, sum by (http_route) (rate(${request}_count{role="gateway"}${per})))`, '{{http_route}}']],
          'The eight that are asked most.',
        ),
        series(
          'By status',
          'reqps',
          [
            [
              `sum by (http_response_status_code) (rate(${request}_count{role="gateway"}${per}))`,
              '{{http_response_status_code}}',
            ],
          ],
          'Of all routes.',
        ),
        series(
          'Slowest routes',
          's',
          [
            [
              `topk(8, ${quantile(0.95, request, `{role="gateway",${notWaiting}}`, ['http_route'])})`,
              '{{http_route}}',
            ],
          ],
          'p95; without pages that are told live.',
        ),
        series(
          'Turned away',
          'reqps',
          [[`sum by (reason) (rate(octavo_gateway_refused_total${per})) or vector(0)`, '{{reason}}']],
          'Before they were tried.',
        ),
      ],
    },
    {
      title: 'Instances',
      panels: [
        series(
          'Circuits',
          'short',
          [
            [
              'max by (exported_service, service, exported_instance, instance) (octavo_gateway_breaker_state)',
              '{{service}}{{exported_service}} {{exported_instance}}',
            ],
          ],
          '0 closed, 1 returning, 2 being tried, 3 open.',
        ),
        series(
          'Until an answer begins',
          's',
          [
            [
              'max by (service, exported_service, exported_instance) (octavo_gateway_instance_seconds)',
              '{{service}}{{exported_service}} {{exported_instance}}',
            ],
          ],
          'Average of each instance.',
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
          'To another instance than the first choice.',
        ),
        series(
          'Left in the retry budget',
          'short',
          [['min by (service) (octavo_gateway_retry_budget)', '{{service}}']],
          'A fifth of the traffic may go twice.',
        ),
      ],
    },
    {
      title: 'Cache',
      panels: [
        series(
          'Reads',
          'ops',
          [
            [`sum(rate(octavo_gateway_cache_hits_total${per}))`, 'from memory'],
            [`sum(rate(octavo_gateway_cache_misses_total${per}))`, 'fetched'],
            [`sum(rate(octavo_gateway_cache_stale_total${per}))`, 'old one shown'],
          ],
          'Of the catalogue.',
        ),
        series(
          'Entries',
          'short',
          [['sum(octavo_gateway_cache_entries)', 'entries']],
          'In the memory of all gateways.',
        ),
        series(
          'Memory of entries',
          'bytes',
          [['sum(octavo_gateway_cache_bytes)', 'bytes']],
          'It has a limit.',
        ),
      ],
    },
  ],
)
