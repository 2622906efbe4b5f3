import { monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks'
import { getHeapSpaceStatistics } from 'node:v8'
import type { Meter } from './meter.ts'

const delayResolutionMs = 20
const perSecond = 1e9
const gcKinds: Readonly<Record<number, string>> = {
  1: 'minor',
  2: 'minor',
  4: 'major',
  8: 'incremental',
  16: 'weakcb',
}
const gcBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 1]

/**
 * What Node says of itself. Names: OpenTelemetry semantic conventions for Node.js, V8 and processes; those of a process
 * also as every Prometheus client has them.
 */
export function addRuntime(meter: Meter): void {
  const delay = monitorEventLoopDelay({ resolution: delayResolutionMs })
  delay.enable()
  for (const [percentile, name] of [
    [50, 'p50'],
    [90, 'p90'],
    [99, 'p99'],
  ] as const)
    meter.observed(`nodejs_eventloop_delay_${name}_seconds`, 'Delay of the event loop.', [], () => [
      [seconds(delay.percentile(percentile))],
    ])
  meter.observed('nodejs_eventloop_delay_max_seconds', 'Longest delay since the last look.', [], () => {
    const max = seconds(delay.max)
    delay.reset()
    return [[max]]
  })
  let before = performance.eventLoopUtilization()
  meter.observed('nodejs_eventloop_utilization_ratio', 'Share of time that it was busy.', [], () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    return [[utilization]]
  })
  meter.observed('v8js_memory_heap_used_bytes', 'Heap in use.', ['v8js_heap_space_name'], () =>
    getHeapSpaceStatistics().map(({ space_name, space_used_size }) => [space_used_size, space_name]),
  )
  meter.observed('process_resident_memory_bytes', 'Memory that is resident.', [], () => [
    [process.memoryUsage.rss()],
  ])
  meter.observed('process_start_time_seconds', 'When it started, since 1970.', [], () => [
    [Math.round(performance.timeOrigin) / 1000],
  ])
  meter.observed('process_cpu_seconds_total', 'Processor time that was used.', ['cpu_mode'], () => {
    const { user, system } = process.cpuUsage()
    return [
      [user / 1e6, 'user'],
      [system / 1e6, 'system'],
    ]
  })
  const gc = meter.histogram('v8js_gc_duration_seconds', 'Garbage collections.', gcBuckets, ['v8js_gc_type'])
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as unknown as { detail: { kind: number } }).detail
      gc.observe(entry.duration / 1000, gcKinds[kind] ?? 'other')
    }
  }).observe({ entryTypes: ['gc'] })
}

const seconds = (ns: number) => (Number.isFinite(ns) ? ns / perSecond : 0)
