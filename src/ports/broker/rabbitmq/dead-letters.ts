import { setTimeout as sleep } from 'node:timers/promises'
import type { ConfirmChannel, GetMessage } from 'amqplib'
import { BrokerUnavailable, type DeadLetter, type DeadLetterFate } from '../broker.ts'
import { accessRefused, type Link, unavailable, within } from './connection.ts'
import { carriedHeaders, header, persistent, readMessage, secondsOf } from './envelope.ts'
import { publishConfirmed } from './publish.ts'
import { deadName, queueName } from './topology.ts'

const deadLettersMax = 1_000
/** Of all that one look holds in memory; every process of the store looks now and then. */
const deadBytesMax = 16 * 1024 * 1024
const lookWithinMs = 30_000
/** One look of several: a queue whose leader is lost has a new one within seconds. */
const lookOnceMs = 10_000
const closeWithinMs = 2_000
const lookAgainAfterMs = 250

/** Those longest there, up to a limit, newest first. They stay where they are. */
export async function deadLetters(link: Link, queue: string): Promise<DeadLetter[]> {
  const letters = async (_: ConfirmChannel, raws: GetMessage[]) =>
    raws.map((raw) => letterOf(queue, raw)).reverse()
  return await lookAgain(link, (withinMs) => withDeadLetters(link, queue, letters, withinMs))
}

/** Looking changes nothing: when the server is lost meanwhile, the next one is asked. One that is away is not waited for. */
async function lookAgain<T>(link: Link, look: (withinMs: number) => Promise<T>): Promise<T> {
  const giveUpMs = performance.now() + lookWithinMs
  for (;;) {
    await link.connection()
    try {
      return await look(Math.max(1, Math.min(lookOnceMs, giveUpMs - performance.now())))
    } catch (error) {
      const isLate = performance.now() >= giveUpMs
      if (!(error instanceof BrokerUnavailable) || isLate || isRefused(error)) throw error
      await sleep(lookAgainAfterMs)
    }
  }
}

const isRefused = ({ cause }: BrokerUnavailable) =>
  (cause as { code?: number } | undefined)?.code === accessRefused

/** Without those that wait for their next attempt in a queue that all share. */
export async function waiting(link: Link, queue: string): Promise<number> {
  const counting = async () => {
    const channel = await (await link.connection()).createChannel()
    // What is asked fails as well, and says why.
    channel.on('error', () => undefined)
    try {
      return (await channel.checkQueue(queueName(queue))).messageCount
    } catch (error) {
      if ((error as { code?: number }).code === 404) return 0
      throw error
    } finally {
      // One that asked for a queue that is not there is closed already.
      await channel.close().catch(() => undefined)
    }
  }
  return await within(counting(), lookWithinMs, 'counting messages').catch((error: unknown) => {
    throw unavailable(error)
  })
}

/** @returns how many of them were there */
export async function clearDeadLetters(
  link: Link,
  queue: string,
  ids: readonly string[],
  fate: DeadLetterFate,
): Promise<number> {
  const wanted = new Set(ids)
  return await withDeadLetters(link, queue, async (channel, raws) => {
    const chosen = raws.filter((raw) => wanted.has(letterOf(queue, raw).id))
    let isReturned = false
    channel.on('return', () => {
      isReturned = true
    })
    for (const raw of chosen) {
      if (fate === 'retry') await publishAgain(channel, queue, raw)
      // Somebody has deleted the queue: the letter stays where it is.
      if (isReturned) throw new BrokerUnavailable(`the broker has no queue ${queueName(queue)}`)
      channel.ack(raw)
    }
    return chosen.length
  })
}

async function publishAgain(channel: ConfirmChannel, queue: string, raw: GetMessage): Promise<void> {
  const { message } = readMessage(raw)
  await publishConfirmed(channel, '', queueName(queue), raw.content, {
    ...persistent,
    messageId: message.id,
    timestamp: secondsOf(message),
    headers: carriedHeaders(message, {}),
  })
}

/** What is taken and not acknowledged goes back when the channel closes. */
async function withDeadLetters<T>(
  link: Link,
  queue: string,
  work: (channel: ConfirmChannel, raws: GetMessage[]) => Promise<T>,
  withinMs = lookWithinMs,
): Promise<T> {
  let opened: ConfirmChannel | undefined
  const looking = async () => {
    const connection = await link.connection()
    const channel = await connection.createConfirmChannel()
    opened = channel
    let why: unknown
    channel.on('error', (error) => {
      why = error
    })
    try {
      return await work(channel, await takeAll(channel, queue))
    } catch (error) {
      // What the server said of it tells more than that the channel has ended.
      throw why ?? error
    } finally {
      // One that asked for a queue that is not there is closed already.
      await within(channel.close(), closeWithinMs, 'closing').catch(() => undefined)
    }
  }
  return await within(looking(), withinMs, 'reading dead letters').catch((error: unknown) => {
    // What it has taken goes back, and it clears nothing any more.
    void opened?.close().catch(() => undefined)
    throw unavailable(error)
  })
}

async function takeAll(channel: ConfirmChannel, queue: string): Promise<GetMessage[]> {
  const raws: GetMessage[] = []
  try {
    for (let bytes = 0; raws.length < deadLettersMax && bytes < deadBytesMax; ) {
      const raw = await channel.get(deadName(queue))
      if (raw === false) break
      raws.push(raw)
      bytes += raw.content.length
    }
  } catch (error) {
    if ((error as { code?: number }).code !== 404) throw error
  }
  return raws
}

function letterOf(queue: string, raw: GetMessage): DeadLetter {
  const { message } = readMessage(raw)
  const headers = raw.properties.headers ?? {}
  const died: unknown = headers['x-death']
  const byServer = Array.isArray(died) && died.length > 0 && headers[header.error] === undefined
  const error = byServer ? 'its subscribers stopped while they handled it' : headers[header.error]
  // The attempt that failed is the last one counted; looking at it is none.
  const attempt = Number(headers[header.attempts] ?? 0) || 1
  return { ...message, attempt, queue, error: String(error ?? '') }
}
