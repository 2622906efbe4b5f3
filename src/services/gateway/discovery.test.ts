import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig } from '#config'
import { openDiscovery } from '#ports/discovery'
import { json, startGateway, startUpstream, until } from '../../../test/support/gateway.ts'
import { createRegistry } from '../registry/service.ts'

const startRegistry = async (port: number) => {
  const registry = await createRegistry(readConfig({ OCTAVO_DISCOVERY: `registry://127.0.0.1:${port}` }), {
    secret: 'secret',
  })
  await registry.start()
  return registry
}

test('traffic to known instances goes on while the registry is down and after it came back empty', async (t) => {
  const first = await startRegistry(0)
  const url = first.url.replace('http:', 'registry:')
  const upstream = await startUpstream(t, (_incoming, response) => json(response, 200, {}))
  const seller = await openDiscovery(url, { secret: 'secret' })
  t.after(() => seller[Symbol.asyncDispose]())
  const registration = await seller.register({ service: 'catalog', id: 'c', url: upstream.url, version: '1' })
  const gateway = await startGateway(t, '', {}, { OCTAVO_DISCOVERY: url })
  const statuses = new Set<number>()
  const sell = async (times: number) => {
    for (let i = 0; i < times; i++) {
      statuses.add((await fetch(`${gateway.url}/api/books`)).status)
      await sleep(10)
    }
  }
  await sell(10)
  await first[Symbol.asyncDispose]()
  await sell(50)
  const second = await startRegistry(Number(new URL(first.url).port))
  t.after(() => second[Symbol.asyncDispose]())
  await sell(100)
  assert.deepEqual(statuses, new Set([200]))

  await sleep(2_500)
  await registration[Symbol.asyncDispose]()
  await until(async () => (await fetch(`${gateway.url}/api/books`)).status === 503)
})
