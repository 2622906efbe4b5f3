import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Discovery, Instance } from '#ports/discovery'
import { until } from './until.ts'

/** One adapter as the suite sees it, opened for one test and closed with it. */
export type DiscoveryUnderTest = {
  discovery: Discovery
  /** Makes an instance be there, in the way of this adapter, until disposed. */
  announce(instance: Instance): Promise<AsyncDisposable>
}

const instance = (service: string, id: string): Instance => ({
  ...{ service, id, version: '1' },
  url: `http://10.244.0.${id}:4001`,
})

/** What every adapter of discovery does. */
export function testDiscovery(name: string, open: (t: TestContext) => Promise<DiscoveryUnderTest>): void {
  test(`${name}: a service nobody announced has no instances`, async (t) => {
    const { discovery } = await open(t)
    await discovery.ready(10_000)
    assert.deepEqual(discovery.instances('catalog'), [])
  })

  test(`${name}: an instance is there while it is announced and gone after`, async (t) => {
    const { discovery, announce } = await open(t)
    const announced = await announce(instance('catalog', '1'))
    await until(() => discovery.instances('catalog').length === 1)
    assert.deepEqual(discovery.instances('catalog'), [instance('catalog', '1')])
    assert.deepEqual(discovery.instances('orders'), [])
    await announced[Symbol.asyncDispose]()
    await until(() => discovery.instances('catalog').length === 0)
  })

  test(`${name}: listeners hear of every change, and of nothing after they left`, async (t) => {
    const { discovery, announce } = await open(t)
    let heard = 0
    const listening = discovery.onChange(() => heard++)
    const announced = await announce(instance('a', '1'))
    await until(() => heard === 1)
    listening[Symbol.dispose]()
    await announced[Symbol.asyncDispose]()
    await until(() => discovery.instances('a').length === 0)
    assert.equal(heard, 1)
  })

  test(`${name}: several instances of several services are listed apart, in a stable order`, async (t) => {
    const { discovery, announce } = await open(t)
    for (const id of ['2', '1', '3']) for (const service of ['a', 'b']) await announce(instance(service, id))
    await until(() => discovery.instances('a').length === 3 && discovery.instances('b').length === 3)
    assert.deepEqual(
      discovery.instances('b').map((each) => each.id),
      ['1', '2', '3'],
    )
  })
}
