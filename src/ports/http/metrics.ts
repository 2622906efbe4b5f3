export type RequestMetrics = {
  answered(method: string, route: string, status: number): void
  /** The text of `/metrics`. */
  text(): string
}

/** Counts answers by route and status. Source: Prometheus exposition format 0.0.4. */
export function createRequestMetrics(service: string): RequestMetrics {
  const counts = new Map<string, number>()
  return {
    answered(method, route, status) {
      const key = `service="${service}",method="${method}",route="${route}",status="${status}"`
      counts.set(key, (counts.get(key) ?? 0) + 1)
    },
    text() {
      const lines = [
        '# HELP octavo_requests_total Answered requests.',
        '# TYPE octavo_requests_total counter',
      ]
      for (const [labels, count] of counts) lines.push(`octavo_requests_total{${labels}} ${count}`)
      lines.push(
        '# TYPE process_resident_memory_bytes gauge',
        `process_resident_memory_bytes{service="${service}"} ${process.memoryUsage.rss()}`,
      )
      return `${lines.join('\n')}\n`
    },
  }
}
