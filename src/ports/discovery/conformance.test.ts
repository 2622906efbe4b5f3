import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { readConfig } from '#config'
import { testDiscovery } from '../../../test/support/discovery-suite.ts'
import { createRegistry } from '../../services/registry/service.ts'
import { discoveryAdapters, openDiscovery } from './port.ts'

/** Opens the adapter under test; what registers through one of them is seen through it. */
const adapters = {
  static: async (_t: TestContext) => 'static:',
  registry: async (t: TestContext) => {
    const registry = await createRegistry(readConfig({ OCTAVO_DISCOVERY: 'registry://127.0.0.1:0' }), {
      secret: 'secret',
    })
    await registry.start()
    t.after(() => registry[Symbol.asyncDispose]())
    return registry.url.replace('http:', 'registry:')
  },
}

/** Adapters that need more around them than can be started here, and where they are tested. */
const elsewhere = { kubernetes: '../../../test/clusters/discovery.test.ts' }

test('every discovery adapter is tested', () => {
  const tested = [...Object.keys(adapters), ...Object.keys(elsewhere)]
  assert.deepEqual(tested.sort(), Object.keys(discoveryAdapters).sort())
  for (const path of Object.values(elsewhere)) assert.ok(existsSync(new URL(path, import.meta.url)), path)
})

for (const [name, start] of Object.entries(adapters))
  testDiscovery(name, async (t) => {
    const discovery = await openDiscovery(await start(t), { secret: 'secret' })
    t.after(() => discovery[Symbol.asyncDispose]())
    return { discovery, announce: discovery.register }
  })

test('static: reads its fixed set from the URL', async () => {
  const discovery = await openDiscovery('static:catalog=http://a:1;catalog=http://b:2/;orders=http://c:3', {
    secret: '',
  })
  assert.deepEqual(
    discovery.instances('catalog').map((i) => i.url),
    ['http://a:1', 'http://b:2'],
  )
  await assert.rejects(openDiscovery('static:catalog', { secret: '' }), /should be service=http/)
})

test('a URL that names no adapter is refused in words', async () => {
  await assert.rejects(openDiscovery('consul://here', { secret: '' }), /no discovery adapter for "consul/)
})
