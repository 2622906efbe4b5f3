import type { MessagePropertyHeaders, Options, Message as RawMessage } from 'amqplib'
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

export type Read = { message: Message } | { message: Message; wrong: string }

/**
 * Reads what came from a queue. What is not JSON is told apart, with its text as payload, so that it can be kept.
 * A message that others published has fewer headers, and its routing key is its topic.
 */
export function readMessage({ content, properties, fields }: RawMessage): Read {
  const headers = properties.headers ?? {}
  const publishedAt = headers[header.publishedAt]
  const common = {
    id: String(properties.messageId ?? ''),
    topic: String(headers[header.topic] ?? fields.routingKey),
    publishedAt: String(publishedAt ?? timeOf(properties.timestamp)),
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

/** AMQP has seconds; what has none was published by somebody who does not say. */
function timeOf(timestamp: unknown): string {
  const seconds = typeof timestamp === 'number' ? timestamp : 0
  return new Date(seconds * 1000).toISOString()
}

/** The headers of a message on its way to another queue of ours; what the server added is left behind. */
export function carriedHeaders(message: Message, more: Readonly<Record<string, unknown>>) {
  return { [header.topic]: message.topic, [header.publishedAt]: message.publishedAt, ...more }
}
