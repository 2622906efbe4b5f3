import Fastify from 'fastify'
import * as contestants from './contestants.ts'
import type { BenchStore } from './store.ts'

// A rival behind HTTP, in a process of its own: an empty handler, or the table lock behind the same framework.
const [kind = 'empty', bookDbUrl = '', orderDbUrl = '', isbns = ''] = process.argv.slice(2)
const fastify = Fastify({ logger: false })
if (kind === 'empty')
  fastify.post('/api/orders', async (_request, reply) => reply.code(201).send({ status: 'reserved' }))
else {
  const store = { bookDbUrl, orderDbUrl, isbns: isbns.split(',') } as unknown as BenchStore
  const lock = await contestants.tableLock(store)
  fastify.post('/api/orders', async (_request, reply) => {
    await lock.call()
    return reply.code(201).send({ status: 'reserved' })
  })
}
process.on('disconnect', () => process.exit(0))
process.send?.({ url: await fastify.listen({ host: '127.0.0.1', port: 0 }) })
