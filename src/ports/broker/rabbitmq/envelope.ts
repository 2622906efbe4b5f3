import { createHash } from 'node:crypto'
import type { MessagePropertyHeaders, Options, Message as RawMessage } from 'amqplib'
import { systemClock } from '#ports/clock'
import type { Message } from '../broker.ts'

/** How a message of ours looks on the wire: JSON, and what the broker knows of it in headers. */
export const header = {
  topic: 'x-octavo-topic',
  publishedAt: 'x-octavo-published-at',
  /** How often it was tried before it was published to this queue. */
  attempts: 'x-octavo-attempts',
  error: 'x-octavo-error',
} as const

export const persistent: Options.Publish = {
  persistent: true,
  contentType: 'application/json',
  // The server confirms what no queue takes: it sends it back first.
  mandatory: true,
}

/** Clocks differ by less. */
const aheadMaxMs = 24 * 3600_000

export type Read = { message: Message } | { message: Message; wrong: string }

/**
 * Reads what came from a queue. What is not JSON is told apart, with its text as payload, so that it can be kept.
 * A message that others published has fewer headers: its routing key is its topic, and its content stands for an id.
 */
export function readMessage({ content, properties, fields }: RawMessage): Read {
  const headers = properties.headers ?? {}
  const common = {
    id: idOf(properties.messageId, content),
    topic: String(headers[header.topic] ?? fields.routingKey),
    publishedAt: timeOf(headers[header.publishedAt], properties.timestamp),
    attempt: count(headers, header.attempts) + count(headers, 'x-delivery-count') + 1,
  }
  const text = content.toString('utf8')
  try {
    return { message: { ...common, payload: JSON.parse(text) } }
  } catch {
    // What is wrong goes with the message.
    return { message: { ...common, payload: text }, wrong: 'its body is not JSON' }
  }
}

function count(headers: MessagePropertyHeaders, name: string): number {
  const value = headers[name]
  return Number.isSafeInteger(value) && value > 0 ? value : 0
}

/** What letters are told apart by may not be empty, nor longer than who clears them can name. */
const idLengthMax = 100

function idOf(given: unknown, content: Buffer): string {
  const id = String(given ?? '')
  if (id !== '' && id.length <= idLengthMax) return id
  return createHash('sha256').update(content).digest('hex').slice(0, 32)
}

/** Ours, or AMQP's, which has seconds. Who says no time that there is has published it just now. */
function timeOf(published: unknown, timestamp: unknown): string {
  const ms = typeof published === 'string' ? Date.parse(published) : Number(timestamp) * 1000
  const nowMs = systemClock.now()
  return new Date(ms > 0 && ms < nowMs + aheadMaxMs ? ms : nowMs).toISOString()
}

/** When it was published, as AMQP has it. */
export const secondsOf = ({ publishedAt }: Message) => Math.floor(Date.parse(publishedAt) / 1000)

/** The headers of a message on its way to another queue of ours; what the server added is left behind. */
export function carriedHeaders(message: Message, more: Readonly<Record<string, unknown>>) {
  return { [header.topic]: message.topic, [header.publishedAt]: message.publishedAt, ...more }
}
