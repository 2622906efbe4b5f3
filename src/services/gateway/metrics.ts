import { createRequestMetrics } from '#ports/http'
import type { RerouteReason } from './proxy/upstreams.ts'
import type { Totals } from './system/history.ts'

/** The gateway's numbers in the Prometheus text format 0.0.4. */
export type Metrics = {
  answered(method: string, label: string, status: number, seconds: number): void
  rerouted(service: string, reason: RerouteReason): void
  /** Sums since the start. */
  totals(): Totals
  text(gauges: Readonly<Record<string, number>>, more: readonly string[]): string
}

const bucketSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Of one route; its answers by method and status. */
type Histogram = { buckets: number[]; count: number; sum: number; answers: Map<string, Map<number, number>> }

export function createMetrics(): Metrics {
  const requests = createRequestMetrics('gateway')
  const durations = new Map<string, Histogram>()
  const reroutes = new Map<string, number>()
  const sums = { requests: 0, faults: 0, seconds: 0, reroutes: 0 }
  return {
    answered(method, label, status, seconds) {
      requests.answered(method, label, status, seconds)
      sums.requests++
      sums.seconds += seconds
      if (status >= 500) sums.faults++
      let histogram = durations.get(label)
      if (histogram === undefined) {
        histogram = { buckets: bucketSeconds.map(() => 0), count: 0, sum: 0, answers: new Map() }
        durations.set(label, histogram)
      }
      observe(histogram, seconds)
      let statuses = histogram.answers.get(method)
      if (statuses === undefined) {
        statuses = new Map()
        histogram.answers.set(method, statuses)
      }
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    },
    rerouted(service, reason) {
      sums.reroutes++
      const key = `service="${service}",reason="${reason}"`
      reroutes.set(key, (reroutes.get(key) ?? 0) + 1)
    },
    totals: () => ({ ...sums }),
    text(gauges, more) {
      const lines = ['# HELP octavo_gateway_requests_total Answered requests.']
      lines.push('# TYPE octavo_gateway_requests_total counter')
      for (const [route, { answers }] of durations)
        for (const [method, statuses] of answers)
          for (const [status, n] of statuses)
            lines.push(
              `octavo_gateway_requests_total{method="${method}",route="${route}",status="${status}"} ${n}`,
            )
      lines.push(
        '# HELP octavo_gateway_reroutes_total Requests sent to another instance than the first choice.',
      )
      lines.push('# TYPE octavo_gateway_reroutes_total counter')
      for (const [labels, n] of reroutes) lines.push(`octavo_gateway_reroutes_total{${labels}} ${n}`)
      lines.push('# HELP octavo_gateway_request_seconds From the request to the end of its answer.')
      lines.push('# TYPE octavo_gateway_request_seconds histogram')
      for (const [label, histogram] of durations) lines.push(...histogramLines(label, histogram))
      for (const [name, value] of Object.entries(gauges))
        lines.push(
          `# HELP ${name} Of this gateway, as it stands.`,
          `# TYPE ${name} ${name.endsWith('_total') ? 'counter' : 'gauge'}`,
          `${name} ${value}`,
        )
      return `${[...lines, ...more].join('\n')}\n`
    },
  }
}

function observe(histogram: Histogram, seconds: number): void {
  histogram.count++
  histogram.sum += seconds
  let first = 0
  while (first < bucketSeconds.length && seconds > (bucketSeconds[first] as number)) first++
  if (first < bucketSeconds.length) histogram.buckets[first] = (histogram.buckets[first] as number) + 1
}

function histogramLines(label: string, { buckets, count, sum }: Histogram): string[] {
  const name = 'octavo_gateway_request_seconds'
  let below = 0
  const lines = bucketSeconds.map((limit, i) => {
    below += buckets[i] ?? 0
    return `${name}_bucket{route="${label}",le="${limit}"} ${below}`
  })
  return [
    ...lines,
    `${name}_bucket{route="${label}",le="+Inf"} ${count}`,
    `${name}_sum{route="${label}"} ${sum}`,
    `${name}_count{route="${label}"} ${count}`,
  ]
}
