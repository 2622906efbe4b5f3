import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { until } from '../../../test/support/until.ts'
import { BrokerUnavailable } from './broker.ts'
import { openBroker, subscribeSoon } from './port.ts'

test('a queue is subscribed to as soon as its broker is there, whatever it says meanwhile, and not after the end', async (t) => {
  const broker = await openBroker(`memory:${crypto.randomUUID()}`, { applicationName: 'test' })
  t.after(() => broker[Symbol.asyncDispose]())
  const said: unknown[] = []
  const faults = [new BrokerUnavailable('away'), new BrokerUnavailable('away'), new Error('strange')]
  const flaky = {
    ...broker,
    subscribe: async (...of: Parameters<typeof broker.subscribe>) => {
      const fault = faults.shift()
      if (fault !== undefined) throw fault
      return await broker.subscribe(...of)
    },
  }
  const handler = async ({ payload }: { payload: unknown }) => void said.push(payload)
  const subscription = await subscribeSoon(flaky, 'queue', ['topic'], handler, systemClock)
  await until(() => faults.length === 0)
  await until(async () => {
    await broker.publish([{ topic: 'topic', payload: 'heard' }])
    return said.length > 0
  })
  await subscription[Symbol.asyncDispose]()
  faults.push(new BrokerUnavailable('away'))
  const never = await subscribeSoon(flaky, 'other', ['topic'], handler, systemClock)
  await never[Symbol.asyncDispose]()
  await assert.rejects(
    subscribeSoon(
      { ...broker, subscribe: () => Promise.reject(new Error('wrong')) },
      'q',
      [],
      handler,
      systemClock,
    ),
    /wrong/,
  )
})
