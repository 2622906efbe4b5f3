import { dashboard, per, quantile, series } from './panels.ts'

/** The processes themselves: is one too busy, too large, or restarting? */
export const nodeProcesses = dashboard(
  'node',
  'Node processes',
  'The processes themselves: is one too busy, too large, or restarting?',
  [
    {
      title: 'Event loop',
      panels: [
        series(
          'Delay, p99',
          's',
          [['nodejs_eventloop_delay_p99_seconds', '{{role}} {{instance}}']],
          'Above half a second an alert fires.',
        ),
        series(
          'Longest delay',
          's',
          [['nodejs_eventloop_delay_max_seconds', '{{role}} {{instance}}']],
          'Since Prometheus last looked.',
        ),
        series(
          'Busy',
          'percentunit',
          [['nodejs_eventloop_utilization_ratio', '{{role}} {{instance}}']],
          'Share of the time.',
        ),
      ],
    },
    {
      title: 'Processor and memory',
      panels: [
        series(
          'Processor',
          'short',
          [[`sum by (role, instance) (rate(process_cpu_seconds_total${per}))`, '{{role}} {{instance}}']],
          'Cores in use.',
        ),
        series(
          'Resident memory',
          'bytes',
          [['process_resident_memory_bytes', '{{role}} {{instance}}']],
          'Of each process.',
        ),
        series(
          'Heap',
          'bytes',
          [['sum by (role, instance) (v8js_memory_heap_used_bytes)', '{{role}} {{instance}}']],
          'In use.',
        ),
        series(
          'Garbage collection',
          's',
          [[quantile(0.99, 'v8js_gc_duration_seconds', '', ['v8js_gc_type']), '{{v8js_gc_type}}']],
          'p99 of a pause.',
        ),
        series(
          'Time spent collecting',
          'percentunit',
          [[`sum by (role, instance) (rate(v8js_gc_duration_seconds_sum${per}))`, '{{role}} {{instance}}']],
          'Share of the time.',
        ),
        series(
          'Up for',
          's',
          [['time() - process_start_time_seconds', '{{role}} {{instance}}']],
          'A saw tooth is a process that restarts.',
        ),
      ],
    },
    {
      title: 'What they say of themselves',
      panels: [
        series(
          'Spans',
          'ops',
          [[`sum by (outcome) (rate(octavo_spans_total${per})) or vector(0)`, '{{outcome}}']],
          'Sent, refused, lost or dropped.',
        ),
        series(
          'Fault switches',
          'short',
          [
            ['max by (fault) (octavo_fault_switch)', '{{fault}}'],
            [`sum by (fault) (rate(octavo_fault_strikes_total${per})) or vector(0)`, '{{fault}} a second'],
          ],
          'Faults that are set on purpose, in staging.',
        ),
        series(
          'Read by Prometheus',
          's',
          [['max by (role, instance) (scrape_duration_seconds)', '{{role}} {{instance}}']],
          'How long it took.',
        ),
      ],
    },
  ],
)
