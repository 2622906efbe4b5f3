import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  askApi,
  rabbitMissing,
  sharedRabbit,
  startRabbitCluster,
  stopSharedRabbit,
  testVhost,
} from '../../../../test/support/rabbitmq.ts'
import { until } from '../../../../test/support/until.ts'
import { BrokerUnavailable, MessageUnusable, messageBytesMax, openBroker } from '../port.ts'
import { openLink } from './connection.ts'
import { exchange, queueName, unroutedQueue } from './topology.ts'

after(stopSharedRabbit)
const skip = rabbitMissing()
const clusterLimitMs = 120_000

test('a cluster of three loses a node, the queue’s leader: what was confirmed arrives, and publishing goes on', {
  skip,
}, async (t) => {
  const nodes = await startRabbitCluster(t, 3)
  const url = `amqp://guest:guest@${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`
  await using publisher = await openBroker(url, { applicationName: 'publisher', retryBaseMs: 50 })
  await using subscriber = await openBroker(url, { applicationName: 'subscriber', retryBaseMs: 50 })
  const arrived = new Set<number>()
  await using _ = await subscriber.subscribe('orders-vouchers', ['object.created'], async ({ payload }) => {
    arrived.add((payload as { n: number }).n)
  })
  const receipts: number[] = []
  let isOver = false
  let longestGapMs = 0
  t.after(() => {
    isOver = true
  })
  const publishing = (async () => {
    for (let n = 0, lastMs = performance.now(); !isOver; n++) {
      // Whether one that failed is there is unknown: it is no receipt.
      await publisher.publish([{ topic: 'object.created', payload: { n } }]).then(
        () => {
          longestGapMs = Math.max(longestGapMs, performance.now() - lastMs)
          lastMs = performance.now()
          receipts.push(n)
        },
        () => sleep(20),
      )
    }
  })()
  await until(() => receipts.length >= 100)
  const queue = (await askApi(nodes[0]?.api ?? '', 'GET', `/queues/%2F/${queueName('orders-vouchers')}`)) as {
    leader: string
    members: string[]
  }
  assert.equal(queue.members.length, 3, 'a majority has each message')
  const leader = nodes.find(({ name }) => name === queue.leader)
  assert.ok(leader)
  await leader.kill()
  const before = receipts.length
  await until(() => receipts.length >= before + 100, 'publishing goes on', clusterLimitMs)
  isOver = true
  await publishing
  await until(() => receipts.every((n) => arrived.has(n)), 'what was confirmed arrives', clusterLimitMs)
  t.diagnostic(`${receipts.length} confirmed, longest without one ${Math.round(longestGapMs)} ms`)
  assert.deepEqual(await subscriber.deadLetters('orders-vouchers'), [])
})

test('what is no JSON, has no queue or is too large is kept, told of or refused, and stops nobody', {
  skip,
}, async (t) => {
  const { url, api, vhost } = await testVhost(t)
  await using broker = await openBroker(url, { applicationName: 'test', retryBaseMs: 10 })
  const taken: unknown[] = []
  await using _ = await broker.subscribe('vouchers-draw', ['voucher.wanted'], async ({ payload }) => {
    if (!Array.isArray(payload)) throw new MessageUnusable('a form that this version cannot read')
    taken.push(payload)
  })
  const send = async (routingKey: string, body: string) =>
    await askApi(api, 'POST', `/exchanges/${vhost}/${exchange}/publish`, {
      ...{ properties: {}, routing_key: routingKey, payload_encoding: 'string' },
      payload: body,
    })
  await send('voucher.wanted', '<html>')
  await send('voucher.wanted', '{"version":99}')
  await send('voucher.wanted', `"${'x'.repeat(2 * messageBytesMax)}"`)
  await broker.publish([
    { topic: 'nobody.takes', payload: 'kept aside' },
    { topic: 'voucher.wanted', payload: ['after the poison'] },
  ])
  await until(() => taken.length === 1)
  await until(async () => (await broker.deadLetters('vouchers-draw')).length === 3)
  const reasons = (await broker.deadLetters('vouchers-draw')).map(({ error }) => error).sort()
  assert.deepEqual(reasons, [
    'a form that this version cannot read',
    'a form that this version cannot read',
    'its body is not JSON',
  ])
  const unrouted = async () =>
    ((await askApi(api, 'GET', `/queues/${vhost}/${unroutedQueue}`)) as { messages?: number }).messages
  await until(async () => (await unrouted()) === 1, 'what has no queue is kept aside')
})

test('a server without room takes nothing and says so, what it has is worked off, and nothing is lost or given up', {
  skip,
}, async (t) => {
  const [{ url }, server] = [await testVhost(t), await sharedRabbit()]
  await using broker = await openBroker(url, { applicationName: 'test', retryBaseMs: 10 })
  const gate = Promise.withResolvers<void>()
  const [arrived, attempts] = [new Set<number>(), [] as number[]]
  await using _ = await broker.subscribe('orders-vouchers', ['object.created'], async (message) => {
    await gate.promise
    const { n } = message.payload as { n: number }
    if (n === 0) attempts.push(message.attempt)
    if (n === 0 && message.attempt === 1) throw new Error('not at the first time')
    arrived.add(n)
  })
  const publish = (n: number) => broker.publish([{ topic: 'object.created', payload: { n } }])
  // More than are handed out before some are acknowledged.
  await Promise.all(Array.from({ length: 300 }, (_, n) => publish(n)))
  await server.control('set_disk_free_limit', '1000000GB')
  t.after(() => server.control('set_disk_free_limit', '50MB'))
  await until(() =>
    publish(300).then(
      () => false,
      (error: Error) => /takes no messages/.test(error.message),
    ),
  )
  gate.resolve()
  await until(() => arrived.size >= 299, 'what is there is handed out')
  await assert.rejects(publish(301), BrokerUnavailable)
  assert.deepEqual(attempts, [1], 'what is to be tried again waits for room')
  await server.control('set_disk_free_limit', '50MB')
  await until(() =>
    publish(302).then(
      () => true,
      () => false,
    ),
  )
  await until(() => arrived.has(0) && arrived.has(302))
  assert.deepEqual(await broker.deadLetters('orders-vouchers'), [])
})

// Without a bound each of the two would hold all of it.
test('a slow subscriber and a slow listener hold a few messages, and the server the rest', {
  skip,
}, async (t) => {
  const { url } = await testVhost(t)
  await using broker = await openBroker(url, { applicationName: 'test' })
  const bytes = 64 * 1024
  const count = 1_600
  const gate = Promise.withResolvers<void>()
  const slow = () => gate.promise
  const before = memoryMb()
  await using _ = await broker.subscribe('slow', ['slow.topic'], slow)
  await using __ = await broker.listen(['slow.topic'], slow)
  let most = 0
  const payload = 'x'.repeat(bytes)
  for (let i = 0; i < count; i += 50) {
    await broker.publish(Array.from({ length: 50 }, () => ({ topic: 'slow.topic', payload })))
    most = Math.max(most, memoryMb() - before)
  }
  gate.resolve()
  t.diagnostic(`${(count * bytes) / 2 ** 20} MB published, at most ${Math.round(most)} MB held`)
  assert.ok(most < 60, `${most} MB held`)
  // Of the test: what is left is not waited for.
  await using link = openLink(url, { applicationName: 'purge' })
  const channel = await (await link.connection()).createChannel()
  await channel.purgeQueue(queueName('slow'))
})

const collect = (() => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

function memoryMb(): number {
  collect()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return (heapUsed + external + arrayBuffers) / 2 ** 20
}
