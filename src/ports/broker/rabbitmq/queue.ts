import type { ChannelModel, ConfirmChannel, ConsumeMessage } from 'amqplib'
import type { Clock } from '#ports/clock'
import { logger } from '#ports/log'
import { attemptsMax, BrokerUnavailable, type Handler, inFlightMax, MessageUnusable } from '../broker.ts'
import { answerWithinMs, type Link, within } from './connection.ts'
import { carriedHeaders, header, persistent, readMessage, secondsOf } from './envelope.ts'
import { type KeptChannel, keepChannel } from './kept-channel.ts'
import type { Publisher } from './publish.ts'
import { deadExchange, declareOn, declareQueue, declareRetry, queueName, retryName } from './topology.ts'

const log = logger('broker')

const retryMaxMs = 60_000
const errorLengthMax = 1_000
/** On closing, handlers at work are waited for this long; what is left goes to others. */
const closeWithinMs = 10_000
/** What can be neither acknowledged nor put aside goes back, after this long, so that it does not come round at once. */
const giveBackAfterMs = 1_000

export type QueueOptions = {
  link: Link
  /** Takes what is to be tried again or given up. */
  publisher: Pick<Publisher, 'forward'>
  clock: Clock
  queue: string
  topics: readonly string[]
  handler: Handler
  retryBaseMs: number
}

/**
 * Takes from a queue what its topics bring. Whatever becomes of a message is written down on the server before it is
 * acknowledged: at worst it is there twice.
 */
export async function startQueue(options: QueueOptions): Promise<AsyncDisposable> {
  const { link, clock, queue, topics, retryBaseMs } = options
  const atWork = new Set<Promise<void>>()
  let closing = false
  let consumer: { channel: ConfirmChannel; connection: ChannelModel; tag: string } | undefined

  const kept: KeptChannel = keepChannel(link, clock, async (channel, connection, again) => {
    const declare = declareOn(connection, channel)
    // Of this channel: what an earlier one could not declare says nothing of it.
    const retries = new Map<number, Promise<void>>()
    const retryTo = (ms: number, isLost: boolean) => {
      const declared =
        (isLost ? undefined : retries.get(ms)) ??
        within(declareRetry(declare, channel, ms), answerWithinMs, 'declaring a queue')
      retries.set(ms, declared)
      // Whoever waits for it is told; the next one tries anew.
      declared.catch(() => retries.delete(ms))
      return declared
    }
    const declareAll = () => declareQueue(declare, channel, queue, topics)
    await declareAll()
    await channel.prefetch(inFlightMax)
    const taken = (raw: ConsumeMessage | null) => {
      // The server ended it: the queue was deleted, or its server is gone.
      if (raw === null) return kept.renew(channel)
      const work = deliver(
        options,
        channel,
        raw,
        { retryTo, declareAll },
        () => closing || consumer?.channel !== channel,
      ).finally(() => atWork.delete(work))
      atWork.add(work)
    }
    const { consumerTag } = await channel.consume(queueName(queue), taken)
    consumer = { channel, connection, tag: consumerTag }
    again(async () => {
      if (!closing) await declareAll()
    })
  })
  await kept.ready(answerWithinMs).catch(async (error: unknown) => {
    await kept[Symbol.asyncDispose]()
    throw error
  })
  log.debug('takes from a queue', { queue, topics, retryBaseMs })

  return {
    async [Symbol.asyncDispose]() {
      if (closing) return
      closing = true
      // One that is cut off takes nothing more either.
      const { channel, connection, tag = '' } = consumer ?? {}
      if (channel && connection) await link.close(connection, () => channel.cancel(tag))
      const late = new AbortController()
      await Promise.race([
        Promise.all(atWork),
        // Called off when all are done.
        clock.sleep(closeWithinMs, late.signal).catch(() => undefined),
      ])
      late.abort()
      await kept[Symbol.asyncDispose]()
    },
  }
}

/** Where a message goes that was not done; somebody may have deleted it. */
type Ways = {
  /** @param isLost what was declared before is not there any more */
  retryTo(ms: number, isLost: boolean): Promise<void>
  declareAll(): Promise<void>
}

/** Hands one message to the handler, and acknowledges it once it is done, put aside for later, or dead. */
async function deliver(
  options: QueueOptions,
  channel: ConfirmChannel,
  raw: ConsumeMessage,
  { retryTo, declareAll }: Ways,
  isStopping: () => boolean,
): Promise<void> {
  const { clock, queue, handler, retryBaseMs } = options
  const read = readMessage(raw)
  const { message } = read
  const failure = 'wrong' in read ? new MessageUnusable(read.wrong) : await failureOf(handler, message)
  try {
    if (failure !== undefined) {
      const isDead = failure instanceof MessageUnusable || message.attempt >= attemptsMax
      const error = textOf(failure)
      const waitMs = Math.min(retryBaseMs * 2 ** (message.attempt - 1), retryMaxMs)
      const attempts = Math.min(message.attempt, attemptsMax)
      const headers = carriedHeaders(message, { [header.attempts]: attempts, [header.error]: error })
      if (!isDead) await retryTo(waitMs, false)
      await handOn(
        options,
        isStopping,
        () => (isDead ? declareAll() : retryTo(waitMs, true)),
        isDead ? deadExchange : retryName(waitMs),
        isDead ? queue : queueName(queue),
        raw.content,
        {
          ...persistent,
          messageId: message.id,
          timestamp: secondsOf(message),
          headers,
        },
      )
      if (isDead)
        log.warn('a message is given up', { queue, topic: message.topic, id: message.id, reason: error })
    }
    channel.ack(raw)
  } catch (error) {
    log.debug('a message could not be acknowledged', { queue, error })
    await clock.sleep(giveBackAfterMs)
    try {
      channel.nack(raw)
    } catch {
      // The channel is gone, and with it the server gave the message back itself.
    }
  }
}

/**
 * Until a server takes it: to give the message back meanwhile would count as another delivery, of which it has few. When its
 * channel is gone the server has given it back itself.
 * @param declare makes its queue where that was deleted
 */
async function handOn(
  { publisher, clock }: QueueOptions,
  isStopping: () => boolean,
  declare: () => Promise<void>,
  ...message: Parameters<Publisher['forward']>
): Promise<void> {
  for (;;) {
    try {
      return await publisher.forward(...message)
    } catch (error) {
      if (!(error instanceof BrokerUnavailable) || isStopping()) throw error
      await clock.sleep(giveBackAfterMs)
      // Where it fails the next attempt does, and says so.
      await within(declare(), answerWithinMs, 'declaring a queue').catch(() => undefined)
    }
  }
}

async function failureOf(handler: Handler, message: Parameters<Handler>[0]): Promise<unknown> {
  // It was taken this often and never acknowledged: whoever takes it dies of it.
  if (message.attempt > attemptsMax)
    return new MessageUnusable('its subscribers stopped while they handled it')
  try {
    await handler(message)
    return undefined
  } catch (error) {
    return error ?? new Error('the handler threw nothing')
  }
}

const textOf = (failure: unknown) =>
  String(failure instanceof Error ? failure.message : failure).slice(0, errorLengthMax)
