import type { ConfirmChannel, Options } from 'amqplib'
import type { Clock } from '#ports/clock'
import { logger } from '#ports/log'
import {
  BrokerBusy,
  BrokerUnavailable,
  checkSize,
  type NewMessage,
  waitingBytesMax,
  waitingMax,
} from '../broker.ts'
import { type Link, unavailable, within } from './connection.ts'
import { header, persistent } from './envelope.ts'
import { keepChannel } from './kept-channel.ts'
import { declareOn, declarePublishing, exchange, unroutedQueue } from './topology.ts'

const log = logger('broker')

/** A server that takes nothing, because it is away, frozen or out of memory, is waited for this long. */
const publishWithinMs = 10_000
const complainEveryMs = 60_000

export type Publisher = AsyncDisposable & {
  publish(messages: readonly NewMessage[]): Promise<void>
  /** Hands on a message as it is. @throws BrokerUnavailable, also when no queue takes it */
  forward(to: string, routingKey: string, content: Buffer, options: Options.Publish): Promise<void>
  ready(withinMs: number): Promise<unknown>
}

/** Publishes with confirms: resolved means that a majority of the queue's servers has it on disk. */
export function startPublisher(link: Link, clock: Clock): Publisher {
  const unrouted = noteUnrouted(clock)
  const returned = new Set<string>()
  const kept = keepChannel(link, clock, async (channel, connection) => {
    channel.on('return', ({ properties }) => returned.add(String(properties.messageId)))
    await declarePublishing(declareOn(connection, channel))
  })
  let waiting = 0
  let waitingBytes = 0
  let closed = false
  const under = new Set<Promise<void>>()

  const send = async (channel: ConfirmChannel, topic: string, content: Buffer) => {
    const options = optionsOf(clock, topic)
    const id = String(options.messageId)
    await publishConfirmed(channel, exchange, topic, content, options)
    if (!returned.delete(id)) return
    unrouted(topic)
    await publishConfirmed(channel, '', unroutedQueue, content, options)
    // Where even that queue is missing the message has nobody.
    returned.delete(id)
  }
  /** What is sent to a server that reads nothing would gather here, to arrive many times in the end. */
  const open = async () => {
    const channel = await kept.ready(publishWithinMs)
    const reason = link.blocked()
    if (reason !== undefined) throw new BrokerUnavailable(`the broker takes no messages for now: ${reason}`)
    return channel
  }
  /**
   * A server may hang with one channel alone, at a queue without a leader, or refuse for ever what comes by one that was
   * opened just when the leader was lost: another one begins anew.
   */
  const confirmed = async (channel: ConfirmChannel, sent: Promise<unknown>) => {
    await within(sent, publishWithinMs, 'publishing').catch((error: unknown) => {
      if (link.blocked() === undefined) kept.renew(channel)
      throw unavailable(error)
    })
  }
  const sendAll = async (messages: readonly { topic: string; content: Buffer }[]) => {
    const channel = await open()
    await confirmed(channel, Promise.all(messages.map(({ topic, content }) => send(channel, topic, content))))
  }

  return {
    async publish(messages) {
      if (closed) throw new BrokerUnavailable('the broker is closed')
      const ready = messages.map(({ topic, payload }) => {
        return { topic, content: Buffer.from(JSON.stringify(payload) ?? 'null') }
      })
      for (const { topic, content } of ready) checkSize(topic, content.length)
      const bytes = ready.reduce((sum, { content }) => sum + content.length, 0)
      if (waiting + ready.length > waitingMax || (waiting > 0 && waitingBytes + bytes > waitingBytesMax))
        throw new BrokerBusy(`${waiting} messages (${waitingBytes} bytes) wait to be published`)
      waiting += ready.length
      waitingBytes += bytes
      const sending = sendAll(ready).finally(() => {
        waiting -= ready.length
        waitingBytes -= bytes
        under.delete(sending)
      })
      under.add(sending)
      await sending
    },
    async forward(to, routingKey, content, options) {
      if (closed) throw new BrokerUnavailable('the broker is closed')
      const channel = await open()
      await confirmed(channel, publishConfirmed(channel, to, routingKey, content, options))
      if (returned.delete(String(options.messageId)))
        throw new BrokerUnavailable(`the broker has no queue for what goes to "${to}"`)
    },
    ready: (withinMs) => kept.ready(withinMs),
    async [Symbol.asyncDispose]() {
      closed = true
      await Promise.allSettled(under)
      await kept[Symbol.asyncDispose]()
    },
  }
}

/** Resolves when the server has taken it. @throws BrokerUnavailable when it says no, or is gone */
export function publishConfirmed(
  channel: ConfirmChannel,
  to: string,
  routingKey: string,
  content: Buffer,
  options: Options.Publish,
): Promise<void> {
  return new Promise((resolve, reject) => {
    try {
      channel.publish(to, routingKey, content, options, (error: unknown) => {
        if (error) reject(unavailable(error))
        else resolve()
      })
    } catch (error) {
      reject(unavailable(error))
    }
  })
}

function optionsOf(clock: Clock, topic: string): Options.Publish {
  const nowMs = clock.now()
  return {
    ...persistent,
    messageId: clock.uuid(),
    timestamp: Math.floor(nowMs / 1000),
    headers: { [header.topic]: topic, [header.publishedAt]: new Date(nowMs).toISOString() },
  }
}

/** One line a minute and topic, however many messages. */
function noteUnrouted(clock: Clock): (topic: string) => void {
  const saidMs = new Map<string, number>()
  return (topic) => {
    const nowMs = clock.monotonicMs()
    if (nowMs - (saidMs.get(topic) ?? Number.NEGATIVE_INFINITY) < complainEveryMs) return
    saidMs.set(topic, nowMs)
    log.warn('no queue takes messages of a topic; they are kept aside', { topic, keptIn: unroutedQueue })
  }
}
