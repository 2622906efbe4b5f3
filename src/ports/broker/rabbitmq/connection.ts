import { type ChannelModel, connect } from 'amqplib'
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
/** Source: AMQP 0-9-1 reference, reply code access-refused. */
export const accessRefused = 403
const closeWithinMs = 2_000

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
  /**
   * Has its server do something on the way out. One that does not answer, or did not before, is given up: whoever stops
   * does not wait for it again with each thing that is to be closed.
   */
  close(connection: ChannelModel, ask: () => Promise<unknown>): Promise<void>
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

  const giveUp = (connection: ChannelModel) => {
    forget(connection)
    void endConnection(connection)
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
    giveUp,
    async close(connection, ask) {
      if (connection !== current) return
      await within(ask(), closeWithinMs, 'closing').catch((error: unknown) => {
        // What is lost is closed already.
        if (error instanceof BrokerUnavailable) giveUp(connection)
      })
    },
    blocked: () => blocked,
    async [Symbol.asyncDispose]() {
      closed = true
      if (current) return await endConnection(current)
      // One that has not come about is not waited for; whoever waits for it is told.
      connecting?.then(endConnection, () => undefined)
    },
  }
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
      // Nobody waits for it any more, and why it failed was told.
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
