import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { readConfig } from '#config'
import { until } from '../../../test/support/until.ts'
import { createRegistry } from '../../services/registry/service.ts'
import { openDiscovery } from './port.ts'

/** Opens the adapter under test; what registers through one of them is seen through it. */
const adapters = {
  static: async (_t: TestContext) => 'static:',
  registry: async (t: TestContext) => {
    const registry = await createRegistry(
      readConfig({ OCTAVO_SECRET: 'secret', OCTAVO_DISCOVERY: 'registry://127.0.0.1:0' }),
    )
    await registry.start()
    t.after(() => registry[Symbol.asyncDispose]())
    return registry.url.replace('http:', 'registry:')
  },
}

for (const [name, start] of Object.entries(adapters)) {
  const open = async (t: TestContext) => {
    const url = await start(t)
    const discovery = await openDiscovery(url, { secret: 'secret' })
    t.after(() => discovery[Symbol.asyncDispose]())
    await discovery.ready(2_000)
    return discovery
  }

  test(`${name}: a service nobody registered has no instances`, async (t) => {
    const discovery = await open(t)
    assert.deepEqual(discovery.instances('catalog'), [])
  })

  test(`${name}: an instance is there while it is registered and gone after`, async (t) => {
    const discovery = await open(t)
    const instance = { service: 'catalog', id: 'c1', url: 'http://127.0.0.1:4001', version: '1' }
    const registration = await discovery.register(instance)
    await until(() => discovery.instances('catalog').length === 1)
    assert.deepEqual(discovery.instances('catalog'), [instance])
    assert.deepEqual(discovery.instances('orders'), [])
    await registration[Symbol.asyncDispose]()
    await until(() => discovery.instances('catalog').length === 0)
  })

  test(`${name}: listeners hear of every change, and of nothing after they left`, async (t) => {
    const discovery = await open(t)
    let heard = 0
    const listening = discovery.onChange(() => heard++)
    const registration = await discovery.register({ service: 'a', id: '1', url: 'http://h:1', version: '1' })
    await until(() => heard === 1)
    listening[Symbol.dispose]()
    await registration[Symbol.asyncDispose]()
    await until(() => discovery.instances('a').length === 0)
    assert.equal(heard, 1)
  })

  test(`${name}: several instances of several services are listed apart, in a stable order`, async (t) => {
    const discovery = await open(t)
    for (const id of ['2', '1', '3'])
      for (const service of ['a', 'b'])
        await discovery.register({ service, id, url: `http://h:${id}`, version: '1' })
    await until(() => discovery.instances('a').length === 3 && discovery.instances('b').length === 3)
    assert.deepEqual(
      discovery.instances('b').map((i) => i.id),
      ['1', '2', '3'],
    )
  })
}

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
