import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'
import { readConfig, readSecrets } from '#config'
import { requiredRoles, routedRoles } from '#roles'
import { createGateway } from '../src/services/gateway/service.ts'

// One process per contestant: `node bench/gateway-contestants.ts <name> [upstream]` prints its URL and serves.

const answer = JSON.stringify({
  isbn: '9780141439518',
  available: 3,
  status: 'low',
  asOf: '2026-11-20T12:00:00.000Z',
})

const contestants: Record<string, (upstream: string) => Promise<string>> = {
  /** What stands behind each door: an empty handler, as cheap as Node can make it. */
  upstream: async () => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        // It takes no bundles: what is compared is passing requests on, one by one.
        if (request.url?.startsWith('/internal/')) return response.writeHead(404).end()
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
        response.end(answer)
      })
    })
    server.keepAliveTimeout = 60_000
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  },
  octavo: async (upstream) => {
    const env = {
      OCTAVO_PORT: '0',
      OCTAVO_SECRET: 'bench',
      OCTAVO_BROKER: 'memory:bench',
      OCTAVO_DISCOVERY: `static:catalog=${upstream};coordinator=${upstream}`,
    }
    const gateway = await createGateway(
      readConfig(env),
      readSecrets(env, ['secret', 'broker', 'cache', 'metricsToken']),
      { routed: routedRoles, required: requiredRoles },
    )
    await gateway.start()
    return gateway.url
  },
  'fastify-http-proxy': async (upstream) => {
    const fastify = Fastify({ logger: false })
    await fastify.register(httpProxy, { upstream, undici: { connections: 256, pipelining: 1 } })
    return fastify.listen({ host: '127.0.0.1', port: 0 })
  },
}

const [name = '', upstream = ''] = process.argv.slice(2)
const start = contestants[name]
if (start === undefined) throw new Error(`there is no contestant "${name}"`)
process.stdout.write(`${await start(upstream)}\n`)
// CPU time tells the contestants apart even while other work keeps the machine busy.
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.(user + system)
})
process.once('SIGTERM', () => process.exit(0))
process.once('disconnect', () => process.exit(0))
