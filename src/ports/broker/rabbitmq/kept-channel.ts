import type { ChannelModel, ConfirmChannel } from 'amqplib'
import { backoffMs } from '#kernel/backoff'
import { type Clock, every } from '#ports/clock'
import { logger } from '#ports/log'
import { BrokerUnavailable } from '../broker.ts'
import { accessRefused, answerWithinMs, type Link, unavailable, within } from './connection.ts'

const log = logger('broker')

/** An exchange that somebody deleted takes its bindings with it, and nobody is told: they are made anew this often. */
const bindAgainEveryMs = 10_000
const retryBaseMs = 100
const retryMaxMs = 3_000

/** A channel that is set up anew on each connection, for as long as it is not disposed. */
export type KeptChannel = AsyncDisposable & {
  /** The channel, set up; @throws BrokerUnavailable when there is none within this time */
  ready(withinMs: number): Promise<ConfirmChannel>
  /** Gives this channel up and sets up another; one that was given up before is left. */
  renew(channel: ConfirmChannel): void
}

/**
 * Declares and consumes what a channel is for.
 * @param again takes what is to be bound anew every so often while the channel lives
 */
type SetUp = (
  channel: ConfirmChannel,
  connection: ChannelModel,
  again: (bind: () => Promise<unknown>) => void,
) => Promise<void>

/** @param setUp called anew after each loss */
export function keepChannel(link: Link, clock: Clock, setUp: SetUp): KeptChannel {
  const stop = new AbortController()
  let current = awaitedChannel()
  let lastError: unknown
  let renew = (_given: ConfirmChannel) => {}

  const keep = async () => {
    for (let failures = 0; !stop.signal.aborted; ) {
      try {
        const opening = openChannel(link, setUp)
        const channel = await Promise.race([opening, aborted(stop.signal)])
        if (channel === undefined) {
          // It is opened for nobody any more.
          opening.then(
            ({ close }) => close(),
            () => undefined,
          )
          break
        }
        const { bind } = channel
        const binding =
          bind && every(clock, bindAgainEveryMs, () => within(bind(), answerWithinMs, 'binding a queue'))
        failures = 0
        current.resolve(channel.channel)
        const renewed = Promise.withResolvers<void>()
        renew = (given) => {
          if (given === channel.channel) renewed.resolve()
        }
        await Promise.race([channel.lost, renewed.promise, aborted(stop.signal)])
        void binding?.[Symbol.asyncDispose]()
        current = awaitedChannel()
        await channel.close()
      } catch (error) {
        lastError = error
        // Rights do not come by waiting: whoever waits is told now.
        if ((error as { code?: number }).code === accessRefused) {
          current.reject(unavailable(error))
          current = awaitedChannel()
        }
        if (failures === 0 && !stop.signal.aborted) log.warn('the broker is away, trying again', { error })
        const waitMs = backoffMs(failures++, 0.5 + clock.random() / 2, retryBaseMs, retryMaxMs)
        // Called off by the end.
        await clock.sleep(waitMs, stop.signal).catch(() => undefined)
      }
    }
  }
  const keeping = keep()

  return {
    async ready(withinMs) {
      if (stop.signal.aborted) throw new BrokerUnavailable('the broker is closed')
      const late = `no connection within ${withinMs} ms`
      return await within(current.promise, withinMs, late).catch((error: unknown) => {
        throw unavailable(lastError ?? error)
      })
    },
    renew: (channel) => renew(channel),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await keeping
    },
  }
}

async function openChannel(link: Link, setUp: SetUp) {
  const connection = await link.connection()
  let opened: ConfirmChannel | undefined
  try {
    const channel = await within(connection.createConfirmChannel(), answerWithinMs, 'opening a channel')
    opened = channel
    const lost = new Promise<void>((resolve) => {
      channel.on('error', (error) => log.debug('a channel was closed by the broker', { error }))
      channel.once('close', resolve)
    })
    let bind: (() => Promise<unknown>) | undefined
    const again = (given: () => Promise<unknown>) => {
      bind = given
    }
    await within(setUp(channel, connection, again), answerWithinMs, 'declaring queues')
    const close = () => link.close(connection, () => channel.close())
    return { channel, lost, close, bind }
  } catch (error) {
    // A server that does not answer may never: the connection is given up for all.
    if (error instanceof BrokerUnavailable) link.giveUp(connection)
    // One that the server has closed itself is closed already.
    else void opened?.close().catch(() => undefined)
    throw error
  }
}

function awaitedChannel(): PromiseWithResolvers<ConfirmChannel> {
  const awaited = Promise.withResolvers<ConfirmChannel>()
  // Whether anybody waits for it is not known; those who do are told.
  awaited.promise.catch(() => undefined)
  return awaited
}

const aborted = (signal: AbortSignal) =>
  new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
