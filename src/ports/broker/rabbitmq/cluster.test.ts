import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  askApi,
  rabbitMissing,
  startRabbitCluster,
  stopSharedRabbit,
  testVhost,
} from '../../../../test/support/rabbitmq.ts'
import { until } from '../../../../test/support/until.ts'
import { MessageUnusable, messageBytesMax, openBroker } from '../port.ts'
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
