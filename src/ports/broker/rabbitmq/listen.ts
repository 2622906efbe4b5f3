import type { ChannelModel, ConfirmChannel, ConsumeMessage } from 'amqplib'
import type { Clock } from '#ports/clock'
import { logger } from '#ports/log'
import { type Handler, inFlightMax } from '../broker.ts'
import { answerWithinMs, type Link, within } from './connection.ts'
import { readMessage } from './envelope.ts'
import { type KeptChannel, keepChannel } from './kept-channel.ts'
import { declareOn, exchange, listenName, listenOptions } from './topology.ts'

const log = logger('broker')

/** A listener that takes longer than this over one message no longer holds up the next one. */
const handlerMaxMs = 10_000

/**
 * Everything on some topics, through a queue of this listener's own, one message after the other. The queue outlives a
 * cut by a minute; one that is gone by then is made anew.
 */
export async function startListening(
  link: Link,
  clock: Clock,
  topics: readonly string[],
  handler: Handler,
): Promise<AsyncDisposable> {
  const name = listenName(clock.uuid())
  let turn: Promise<void> = Promise.resolve()
  let closed = false
  let last: { channel: ConfirmChannel; connection: ChannelModel } | undefined

  const kept: KeptChannel = keepChannel(link, clock, async (channel, connection, again) => {
    const declare = declareOn(connection, channel)
    await channel.assertQueue(name, listenOptions)
    const bind = async () => {
      await declare.exchange(exchange, 'direct')
      for (const topic of topics) await channel.bindQueue(name, exchange, topic)
    }
    await bind()
    again(bind)
    await channel.prefetch(inFlightMax)
    last = { channel, connection }
    await channel.consume(name, (raw) => {
      if (raw === null) return kept.renew(channel)
      turn = turn.then(() => (closed ? undefined : hear(channel, raw, handler)))
    })
  })
  await kept.ready(answerWithinMs).catch(async (error: unknown) => {
    await kept[Symbol.asyncDispose]()
    throw error
  })

  return {
    async [Symbol.asyncDispose]() {
      if (closed) return
      closed = true
      // One that is cut off leaves its queue to expire.
      const { channel, connection } = last ?? {}
      if (channel && connection) await link.close(connection, () => channel.deleteQueue(name))
      await kept[Symbol.asyncDispose]()
    },
  }
}

async function hear(channel: ConfirmChannel, raw: ConsumeMessage, handler: Handler): Promise<void> {
  const read = readMessage(raw)
  const topic = read.message.topic
  try {
    if ('wrong' in read) log.warn('a message cannot be read', { topic, reason: read.wrong })
    else await within(handler({ ...read.message, attempt: 1 }), handlerMaxMs, 'a listener')
  } catch (error) {
    log.warn('a listener failed', { topic, error })
  }
  try {
    channel.ack(raw)
  } catch {
    // The channel is gone: the message comes once more.
  }
}
