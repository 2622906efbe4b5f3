import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  askApi,
  rabbitMissing,
  startRabbit,
  stopSharedRabbit,
  testVhost,
} from '../../../../test/support/rabbitmq.ts'
import { until } from '../../../../test/support/until.ts'
import { BrokerUnavailable, MessageUnusable, openBroker } from '../port.ts'
import { openLink } from './connection.ts'
import { deadName, exchange, queueName, retryName } from './topology.ts'

after(stopSharedRabbit)
const skip = rabbitMissing()

test('messages that others published, at whatever time and without an id, stop nobody and can be told apart', {
  skip,
}, async (t) => {
  const { url, api, vhost } = await testVhost(t)
  await using broker = await openBroker(url, { applicationName: 'test', retryBaseMs: 10 })
  const [taken, heard]: [unknown[], string[]] = [[], []]
  await using _ = await broker.subscribe('vouchers-draw', ['voucher.wanted'], async ({ payload }) => {
    if (!Array.isArray(payload)) throw new MessageUnusable('a form that this version cannot read')
    taken.push(payload)
  })
  await using __ = await broker.listen(
    ['voucher.wanted'],
    async ({ publishedAt }) => void heard.push(publishedAt),
  )
  const send = (payload: string, properties: Record<string, unknown> = {}) =>
    askApi(api, 'POST', `/exchanges/${vhost}/${exchange}/publish`, {
      ...{ properties, routing_key: 'voucher.wanted', payload_encoding: 'string', payload },
    })
  await send('{"n":1}', { timestamp: Date.now() * 1000 })
  await send('{"n":2}', { timestamp: Number.MAX_SAFE_INTEGER })
  await send('{"n":3}', { headers: { 'x-octavo-published-at': 'soon' }, message_id: 'x'.repeat(200) })
  await send('{"n":4}')
  await send('["a usable one"]')
  await until(() => taken.length === 1 && heard.length === 5)
  for (const at of heard) assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000, at)
  await until(async () => (await broker.deadLetters('vouchers-draw')).length === 4)
  const letters = await broker.deadLetters('vouchers-draw')
  for (const { id } of letters) assert.match(id, /^.{1,100}$/)
  const one = letters.find(({ payload }) => (payload as { n: number }).n === 4)
  assert.equal(await broker.clearDeadLetters('vouchers-draw', [one?.id ?? ''], 'discard'), 1)
  assert.equal((await broker.deadLetters('vouchers-draw')).length, 3)
})

test('what goes to a queue that somebody has deleted is kept until the queue is there again', {
  skip,
}, async (t) => {
  const { url, api, vhost } = await testVhost(t)
  await using broker = await openBroker(url, { applicationName: 'test', retryBaseMs: 10 })
  const [done, heard]: [unknown[], unknown[]] = [[], []]
  await using _ = await broker.listen(['a'], async ({ payload }) => void heard.push(payload))
  const subscription = await broker.subscribe('q', ['a'], async ({ payload, attempt }) => {
    if (payload === 'poison') throw new MessageUnusable('poison')
    if (attempt === 1) throw new Error('not at the first time')
    done.push(payload)
  })
  const drop = (queue: string) => askApi(api, 'DELETE', `/queues/${vhost}/${queue}`)
  const publish = (payload: unknown) => broker.publish([{ topic: 'a', payload }])
  await publish(1)
  await until(() => done.includes(1))
  await drop(retryName(10))
  await publish(2)
  await until(() => done.includes(2))
  await askApi(api, 'DELETE', `/exchanges/${vhost}/${retryName(10)}`)
  await publish(3)
  await until(() => done.includes(3))
  await drop(deadName('q'))
  await publish('poison')
  await until(async () => (await broker.deadLetters('q')).length === 1)
  await askApi(api, 'DELETE', `/exchanges/${vhost}/${exchange}`)
  const arrives = async () => {
    // What comes meanwhile is kept aside.
    await publish(4).catch(() => undefined)
    return done.includes(4) && heard.includes(4)
  }
  await until(arrives, 'the exchange has its queues again', 60_000)
  await subscription[Symbol.asyncDispose]()
  await drop(queueName('q'))
  const [letter] = await broker.deadLetters('q')
  await assert.rejects(broker.clearDeadLetters('q', [letter?.id ?? ''], 'retry'), BrokerUnavailable)
  await until(async () => (await broker.deadLetters('q')).length === 1)
})

test('of dead letters that are large a look holds some, and the others follow when those are cleared', {
  skip,
}, async (t) => {
  const { url } = await testVhost(t)
  await using broker = await openBroker(url, { applicationName: 'test', retryBaseMs: 10 })
  let seen = 0
  await using _ = await broker.subscribe('q', ['a'], async () => {
    seen++
    throw new MessageUnusable('too much')
  })
  const payload = 'x'.repeat(1_000_000)
  const [count, shownMax] = [24, 17]
  for (let i = 0; i < count; i++) await broker.publish([{ topic: 'a', payload }])
  await until(() => seen === count)
  let left = count
  while (left > 0) {
    const letters = await broker.deadLetters('q')
    assert.ok(letters.length <= shownMax, `${letters.length} at once`)
    const ids = letters.map(({ id }) => id)
    left -= await broker.clearDeadLetters('q', ids, 'discard')
  }
  assert.deepEqual(await broker.deadLetters('q'), [])
})

test('a virtual host that is not there is named', { skip }, async (t) => {
  const { url, vhost } = await testVhost(t)
  await using link = openLink(url.replace(vhost, 'no-such-host'), { applicationName: 'test' })
  await assert.rejects(link.connection(), /no virtual host "no-such-host", or lets "guest" not use it/)
})

/** One answer of 2 s is waited for with each of two connections, whatever is to be closed. */
const closedWithinMs = 8_000

test('a broker whose server is frozen is closed without waiting for it over and over', {
  skip,
}, async (t) => {
  const server = await startRabbit(t)
  const broker = await openBroker(`amqp://guest:guest@127.0.0.1:${server.port}`, { applicationName: 'test' })
  await broker.listen(['a'], async () => undefined)
  for (const queue of ['p', 'q']) await broker.subscribe(queue, ['a'], async () => undefined)
  server.freeze()
  t.after(() => server.thaw())
  const start = performance.now()
  await broker[Symbol.asyncDispose]()
  const tookMs = performance.now() - start
  assert.ok(tookMs < closedWithinMs, `${Math.round(tookMs)} ms`)
})
