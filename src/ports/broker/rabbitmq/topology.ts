import type { ChannelModel, ConfirmChannel, Options } from 'amqplib'
import { attemptsMax } from '../broker.ts'

/**
 * What there is on the server, all of one prefix so that the rights of a user can be said in one pattern:
 *
 * | name | what |
 * |---|---|
 * | `octavo` | exchange that messages are published to, by topic |
 * | `octavo.QUEUE` | a queue, bound to its topics |
 * | `octavo.retry.MS` | exchange and queue of one name: a message waits there for so long, then goes back to its queue |
 * | `octavo.dead` | exchange of what a queue gave up on, by queue |
 * | `octavo.QUEUE.dead` | its dead letters |
 * | `octavo.unrouted` | messages of topics that no queue takes |
 * | `octavo.listen.ID` | what one process listens to |
 */
export const exchange = 'octavo'
export const deadExchange = 'octavo.dead'
export const unroutedQueue = 'octavo.unrouted'
export const queueName = (queue: string) => `octavo.${queue}`
export const deadName = (queue: string) => `octavo.${queue}.dead`
export const retryName = (ms: number) => `octavo.retry.${ms}`
export const listenName = (id: string) => `octavo.listen.${id}`

/** Messages without a taker that are kept for somebody to look at; the oldest go first. */
const unroutedMax = 10_000
const deadKeptMs = 30 * 24 * 3600_000
/**
 * Deliveries that were never acknowledged, because subscribers died or were cut off, after which the server itself gives a
 * message up. Subscribers count as well and are there first, unless none lives long enough to.
 */
const deliveriesMax = 2 * attemptsMax
/** Looking at dead letters delivers them; a server with a limit of its own would drop what was looked at often. */
const looksMax = 1_000_000
/** What a listener that is cut off, or slow, can be behind. */
const listenerKeptMs = 60_000
const listenerMessagesMax = 50_000
const listenerBytesMax = 64 * 1024 * 1024

const quorum = (args: Readonly<Record<string, unknown>>): Options.AssertQueue => {
  return { durable: true, arguments: { 'x-queue-type': 'quorum', ...args } }
}

/** Dead-lettering that is confirmed: nothing is lost on the way from one queue to another. */
const confirmed = { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' }

const queueOptions = (queue: string): Options.AssertQueue =>
  quorum({
    ...confirmed,
    'x-dead-letter-exchange': deadExchange,
    'x-dead-letter-routing-key': queue,
    'x-delivery-limit': deliveriesMax,
  })
const deadOptions = quorum({ 'x-message-ttl': deadKeptMs, 'x-delivery-limit': looksMax })
/** Without a routing key of its own a message goes back by the one it came with: the name of its queue. */
const retryOptions = (ms: number): Options.AssertQueue =>
  quorum({ ...confirmed, 'x-message-ttl': ms, 'x-dead-letter-exchange': '' })
const unroutedOptions = quorum({ 'x-max-length': unroutedMax, 'x-overflow': 'drop-head' })
/** Not exclusive, because such a queue goes with its connection, and a cut would cost messages. */
export const listenOptions: Options.AssertQueue = {
  durable: true,
  arguments: {
    'x-expires': listenerKeptMs,
    'x-max-length': listenerMessagesMax,
    'x-max-length-bytes': listenerBytesMax,
    'x-overflow': 'drop-head',
  },
}

/**
 * Declares queues and exchanges that are missing. What is there is only looked at, so that a user without the right to
 * declare can work with what an operator has made.
 */
export type Declare = {
  exchange(name: string, type: 'direct' | 'fanout'): Promise<void>
  queue(name: string, options: Options.AssertQueue): Promise<void>
}

export function declareOn(connection: ChannelModel, channel: ConfirmChannel): Declare {
  const isThere = async (look: (probe: Awaited<ReturnType<ChannelModel['createChannel']>>) => unknown) => {
    // The server closes a channel that asks for what is not there.
    const probe = await connection.createChannel()
    probe.on('error', () => {})
    try {
      await look(probe)
      await probe.close()
      return true
    } catch (error) {
      if ((error as { code?: number }).code !== 404) throw error
      return false
    }
  }
  return {
    async exchange(name, type) {
      if (!(await isThere((probe) => probe.checkExchange(name))))
        await channel.assertExchange(name, type, { durable: true })
    },
    async queue(name, options) {
      if (!(await isThere((probe) => probe.checkQueue(name)))) await channel.assertQueue(name, options)
    },
  }
}

/** What a publisher needs. */
export async function declarePublishing(declare: Declare): Promise<void> {
  await declare.exchange(exchange, 'direct')
  await declare.queue(unroutedQueue, unroutedOptions)
}

/** A queue with its topics and its dead letters. */
export async function declareQueue(
  declare: Declare,
  channel: ConfirmChannel,
  queue: string,
  topics: readonly string[],
): Promise<void> {
  await declare.exchange(exchange, 'direct')
  await declare.exchange(deadExchange, 'direct')
  await declare.queue(deadName(queue), deadOptions)
  await channel.bindQueue(deadName(queue), deadExchange, queue)
  await declare.queue(queueName(queue), queueOptions(queue))
  for (const topic of topics) await channel.bindQueue(queueName(queue), exchange, topic)
}

/** Where messages wait for so long before they go back to their queues. */
export async function declareRetry(declare: Declare, channel: ConfirmChannel, ms: number): Promise<void> {
  await declare.exchange(retryName(ms), 'fanout')
  await declare.queue(retryName(ms), retryOptions(ms))
  await channel.bindQueue(retryName(ms), retryName(ms), '')
}
