import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig } from '#config'
import { systemClock } from '#ports/clock'
import { until } from '../../../test/support/until.ts'
import { createRegistry } from '../../services/registry/service.ts'
import { type Instance, openDiscovery } from './port.ts'
import { merge } from './registry.ts'

/** The system's clock at ten times its speed, so that a lease takes 0.6 s. */
const speed = 10
const fastClock = {
  ...systemClock,
  monotonicMs: () => performance.now() * speed,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / speed, signal),
}

const instance = (id: string): Instance => ({ service: 'catalog', id, url: `http://h:${id}`, version: '1' })

async function startRegistry(port: number) {
  const config = readConfig({ OCTAVO_DISCOVERY: `registry://127.0.0.1:${port}` })
  const registry = await createRegistry(config, { secret: 'secret' }, { clock: fastClock })
  await registry.start()
  return registry
}

async function openAt(t: TestContext, url: string) {
  const discovery = await openDiscovery(url, { secret: 'secret', clock: fastClock })
  t.after(() => discovery[Symbol.asyncDispose]())
  return discovery
}

test('known instances stay while the registry is down and after it came back empty', async (t) => {
  const first = await startRegistry(0)
  const url = first.url.replace('http:', 'registry:')
  const seller = await openAt(t, url)
  const reader = await openAt(t, url)
  await seller.register(instance('1'))
  await until(() => reader.instances('catalog').length === 1)
  let vanished = false
  reader.onChange(() => {
    vanished ||= reader.instances('catalog').length === 0
  })

  await first[Symbol.asyncDispose]()
  await sleep(300)
  assert.equal(reader.instances('catalog').length, 1)

  const second = await startRegistry(Number(new URL(first.url).port))
  t.after(() => second[Symbol.asyncDispose]())
  const newcomer = await openAt(t, url)
  await newcomer.ready(2_000)
  await until(() => newcomer.instances('catalog').length === 1)
  await sleep(900)
  assert.equal(reader.instances('catalog').length, 1)
  assert.equal(vanished, false)
})

test('an instance that died while the registry was down vanishes once the new one has heard from everybody', async (t) => {
  const first = await startRegistry(0)
  const url = first.url.replace('http:', 'registry:')
  const reader = await openAt(t, url)
  const mortal = await openDiscovery(url, { secret: 'secret', clock: fastClock })
  await mortal.register(instance('1'))
  await until(() => reader.instances('catalog').length === 1)
  await first[Symbol.asyncDispose]()
  await mortal[Symbol.asyncDispose]()
  const second = await startRegistry(Number(new URL(first.url).port))
  t.after(() => second[Symbol.asyncDispose]())
  await until(() => reader.instances('catalog').length === 0)
})

test('registering does not throw while the registry is away, and happens when it comes', async (t) => {
  const spare = await startRegistry(0)
  const url = spare.url.replace('http:', 'registry:')
  await spare[Symbol.asyncDispose]()
  const discovery = await openAt(t, url)
  await discovery.register(instance('1'))
  await discovery.ready(100)
  assert.deepEqual(discovery.instances('catalog'), [])
  const registry = await startRegistry(Number(new URL(spare.url).port))
  t.after(() => registry[Symbol.asyncDispose]())
  await until(() => discovery.instances('catalog').length === 1)
})

test('a wrong secret registers nothing and learns nothing', async (t) => {
  const registry = await startRegistry(0)
  t.after(() => registry[Symbol.asyncDispose]())
  const answer = await fetch(`${registry.url}/internal/instances`, {
    headers: { 'x-octavo-call': 'call.1..guess' },
  })
  assert.equal(answer.status, 404)
})

test('what a young registry listed itself and lists no more is gone at once', () => {
  const heardFrom = new Map<string, string>()
  const known = merge([instance('old')], { revision: 'b.1', upMs: 10, instances: [instance('1')] }, heardFrom)
  assert.deepEqual(known.map((i) => i.id).sort(), ['1', 'old'])
  const next = merge(known, { revision: 'b.2', upMs: 20, instances: [] }, heardFrom)
  assert.deepEqual(
    next.map((i) => i.id),
    ['old'],
  )
  assert.deepEqual(merge(next, { revision: 'b.3', upMs: 6_000, instances: [] }, heardFrom), [])
})
