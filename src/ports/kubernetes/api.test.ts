import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Unavailable } from '#kernel/unavailable'
import { systemClock } from '#ports/clock'
import { KubernetesError, KubernetesUnavailable, openApiServer } from './port.ts'

// The real API server is that of test/clusters; here is what it does not do on demand.
const caPath = import.meta.filename

test('an API server that is away is unavailable, one that refuses says why, and what is not there is nothing', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/gone') response.destroy()
    else response.writeHead(request.url === '/none' ? 404 : 409).end('{"reason":"Conflict","message":"no"}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  await using api = await openApiServer({ url: `http://127.0.0.1:${port}`, caPath })
  assert.equal(await api.get('/none'), undefined)
  await assert.rejects(
    api.send('PUT', '/held', {}),
    (error) => error instanceof KubernetesError && error.isConflict,
  )
  await assert.rejects(api.get('/gone'), KubernetesUnavailable)
  await using nobody = await openApiServer({ url: 'http://127.0.0.1:1', caPath })
  await assert.rejects(
    nobody.get('/any'),
    (error) => error instanceof Unavailable && error.cause !== undefined,
  )
})

test('an API server’s clock is told by its answers and the time since, whatever the own one says', async (t) => {
  const date = 'Tue, 01 Dec 2026 10:00:00 GMT'
  const server = createServer((_, response) => response.writeHead(200, { date }).end('{}'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  let passedMs = 5_000
  const clock = { ...systemClock, now: () => 0, monotonicMs: () => passedMs }
  await using api = await openApiServer({ url: `http://127.0.0.1:${port}`, caPath, clock })
  assert.equal(api.serverMs(), undefined)
  await api.get('/any')
  passedMs += 3_000
  assert.equal(api.serverMs(), Date.parse(date) + 3_000)
})

test('outside of a pod whoever starts a role hears how to name the authority', async () => {
  const caPath = `${import.meta.dirname}/nowhere/ca.crt`
  await assert.rejects(openApiServer({ url: 'http://127.0.0.1:1', caPath }), /nowhere\/ca\.crt.*\?ca=FILE/)
})
