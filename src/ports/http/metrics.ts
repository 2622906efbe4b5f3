import type { FastifyInstance } from 'fastify'

/** Counts answers by route and status class; the text of `/metrics`. Source: Prometheus exposition format 0.0.4. */
export function requestMetrics(fastify: FastifyInstance, service: string): () => string {
  const counts = new Map<string, number>()
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    const key = `service="${service}",method="${request.method}",route="${route}",status="${reply.statusCode}"`
    counts.set(key, (counts.get(key) ?? 0) + 1)
    done()
  })
  return () => {
    const lines = ['# HELP octavo_requests_total Answered requests.', '# TYPE octavo_requests_total counter']
    for (const [labels, count] of counts) lines.push(`octavo_requests_total{${labels}} ${count}`)
    const memory = process.memoryUsage.rss()
    lines.push(
      '# TYPE process_resident_memory_bytes gauge',
      `process_resident_memory_bytes{service="${service}"} ${memory}`,
    )
    return `${lines.join('\n')}\n`
  }
}
