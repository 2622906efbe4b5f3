import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib'
import { backoffMs } from '#kernel/backoff'
import { type Clock, every } from '#ports/clock'
import { logger } from '#ports/log'
import { processMeter } from '#ports/telemetry'
import { BrokerUnavailable } from '../broker.ts'
import { parseRabbitUrl } from './url.ts'

const log = logger('broker')

const connectWithinMs = 5_000
/** A server that says nothing for twice this long is taken for dead: it may be frozen. */
const heartbeatSeconds = 5
/** Longest wait for the server's answer to a declaration. */
export const answerWithinMs = 10_000
/** An exchange that somebody deleted takes its bindings with it, and nobody is told: they are made anew this often. */
const bindAgainEveryMs = 10_000
/** Source: AMQP 0-9-1 reference, reply code access-refused. */
export const accessRefused = 403
const closeWithinMs = 2_000
const retryBaseMs = 100
const retryMaxMs = 3_000

const blockedGauge = processMeter.gauge(
  'octavo_broker_blocked',
  'Whether the broker takes no messages from this process, for want of memory or disk.',
)

/** One connection, shared by the channels of a process, and made anew when it is lost. */
export type Link = AsyncDisposable & {
  /** The connection there is, or one to the next server that takes it. @throws BrokerUnavailable */
  connection(): Promise<ChannelModel>
  /** Ends one that does not answer, without waiting for it: whoever asks from now on gets another. */
  giveUp(connection: ChannelModel): void
  /** Why the server takes no messages for now, in its words; it does not even read what comes after one. */
  blocked(): string | undefined
}

/** @throws TypeError for a URL that cannot be read */
export function openLink(url: string, { applicationName }: { applicationName: string }): Link {
  const { nodes, username, password, vhost, tls } = parseRabbitUrl(url)
  let next = Math.floor(Math.random() * nodes.length)
  let connecting: Promise<ChannelModel> | undefined
  let current: ChannelModel | undefined
  let closed = false
  let blocked: string | undefined
  const noteBlocked = (reason: string | undefined) => {
    if (blocked === reason) return
    if (reason !== undefined) log.warn('the broker takes no messages for now', { reason })
    else log.info('the broker takes messages again, or its connection has ended')
    blocked = reason
    blockedGauge.set(reason === undefined ? 0 : 1)
  }

  const forget = (connection: ChannelModel) => {
    if (connection !== current) return
    connecting = undefined
    current = undefined
    noteBlocked(undefined)
  }

  const dial = async () => {
    const { host, port } = nodes[next++ % nodes.length] as (typeof nodes)[number]
    const address = {
      ...{ protocol: tls ? 'amqps' : 'amqp', hostname: host, port, username, password, vhost },
      heartbeat: heartbeatSeconds,
    }
    const socket = {
      ...tls,
      ...{ noDelay: true, keepAlive: true, timeout: connectWithinMs },
      clientProperties: { connection_name: applicationName },
    }
    const connection = await connectWithin(connect(address, socket), `connecting to ${host}`).catch(
      (error: Error) => {
        // The client keeps to itself why the server closed.
        if (!error.message.includes('ConnectionOpenOk')) throw error
        throw new BrokerUnavailable(
          `the broker: ${host} has no virtual host "${vhost}", or lets "${username}" not use it`,
          { cause: error },
        )
      },
    )
    connection.on('error', (error) => log.debug('a connection was closed by the broker', { error }))
    current = connection
    connection.on('close', () => forget(connection))
    connection.on('blocked', (reason: string) => noteBlocked(reason))
    connection.on('unblocked', () => noteBlocked(undefined))
    return connection
  }
  const dialAny = async () => {
    let last: unknown
    for (let i = 0; i < nodes.length; i++) {
      if (closed) break
      try {
        return await dial()
      } catch (error) {
        last = error
      }
    }
    throw unavailable(last)
  }

  return {
    async connection() {
      if (closed) throw new BrokerUnavailable('the broker is closed')
      connecting ??= dialAny().catch((error: unknown) => {
        connecting = undefined
        throw error
      })
      return connecting
    },
    giveUp(connection) {
      forget(connection)
      void endConnection(connection)
    },
    blocked: () => blocked,
    async [Symbol.asyncDispose]() {
      closed = true
      // One that did not come about needs no end, and whoever waits for it is told.
      const connection = await connecting?.catch(() => undefined)
      if (connection) await endConnection(connection)
    },
  }
}

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
        const channel = await openChannel(link, setUp)
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
    const close = () =>
      // A channel that is lost is closed already.
      within(channel.close(), 2_000, 'closing').catch(() => undefined)
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

/** A server that is away, or hangs, is not waited for: the socket ends when its heartbeats do. */
async function endConnection(connection: ChannelModel): Promise<void> {
  await within(connection.close(), closeWithinMs, 'closing').catch((error: unknown) =>
    log.debug('a connection did not end when it was asked to', { error }),
  )
}

/** A connection that comes about too late is nobody's: it is ended, and its errors are not the process's. */
async function connectWithin(connecting: Promise<ChannelModel>, what: string): Promise<ChannelModel> {
  try {
    return await within(connecting, connectWithinMs, what)
  } catch (error) {
    connecting.then(
      (late) => {
        late.on('error', (lateError) =>
          log.debug('a connection that came too late failed', { error: lateError }),
        )
        // It may have ended by itself meanwhile.
        late.close().catch(() => undefined)
      },
      () => undefined,
    )
    throw error
  }
}

/** @throws BrokerUnavailable when it takes longer */
export async function within<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new BrokerUnavailable(`the broker: ${what} took over ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** What the client throws of a server that is away. */
export function unavailable(cause: unknown): BrokerUnavailable {
  if (cause instanceof BrokerUnavailable) return cause
  const text = cause instanceof Error ? cause.message || cause.constructor.name : String(cause)
  return new BrokerUnavailable(`the broker: ${text}`, { cause })
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
