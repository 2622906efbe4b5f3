import { processMeter, secondsBuckets } from '#ports/telemetry'
import type { Broker, Handler } from './broker.ts'

const sent = processMeter.counter('messaging_client_sent_messages_total', 'Messages published.', [
  'messaging_system',
  'messaging_destination_name',
])
const published = processMeter.histogram(
  'messaging_client_operation_duration_seconds',
  'Publishing, until the broker has what was published.',
  secondsBuckets,
  ['messaging_system', 'error_type'],
)
const handled = processMeter.histogram(
  'messaging_process_duration_seconds',
  'Handling one message.',
  secondsBuckets,
  ['messaging_system', 'messaging_destination_name', 'error_type'],
)
const waited = processMeter.histogram(
  'octavo_message_age_seconds',
  'From publishing a message to the end of its handling.',
  [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 600],
  ['messaging_destination_name'],
)
const deadLetters = processMeter.gauge('octavo_dead_letters', 'Messages that a queue gave up on.', ['queue'])
const depths = processMeter.gauge('octavo_queue_messages', 'Messages that wait in a queue.', ['queue'])

const lookEveryMs = 30_000
const errorType = (error: unknown) => (error instanceof Error ? error.name : 'other')

/** The same broker, whose work is measured. Source: OpenTelemetry semantic conventions for messaging. */
export function metered(broker: Broker, system: string): Broker {
  const queues = new Set<string>()
  const look = setInterval(() => {
    // While the broker is away nobody knows how many there are.
    for (const queue of queues) {
      broker.deadLetters(queue).then((letters) => deadLetters.set(letters.length, queue), deadLetters.clear)
      broker.waiting(queue).then((messages) => depths.set(messages, queue), depths.clear)
    }
  }, lookEveryMs).unref()
  const measured =
    (name: string, handler: Handler): Handler =>
    async (message) => {
      const startedMs = performance.now()
      const note = (type: string) =>
        handled.observe((performance.now() - startedMs) / 1000, system, name, type)
      try {
        await handler(message)
        note('')
      } catch (error) {
        note(errorType(error))
        throw error
      } finally {
        waited.observe(Math.max(0, Date.now() - Date.parse(message.publishedAt)) / 1000, name)
      }
    }
  return {
    ...broker,
    async publish(messages) {
      const startedMs = performance.now()
      const note = (type: string) => published.observe((performance.now() - startedMs) / 1000, system, type)
      try {
        await broker.publish(messages)
        for (const { topic } of messages) sent.add(1, system, topic)
        note('')
      } catch (error) {
        note(errorType(error))
        throw error
      }
    },
    async subscribe(queue, topics, handler) {
      queues.add(queue)
      return await broker.subscribe(queue, topics, measured(queue, handler))
    },
    listen: (topics, handler) => broker.listen(topics, measured(topics[0] ?? '', handler)),
    async [Symbol.asyncDispose]() {
      clearInterval(look)
      await broker[Symbol.asyncDispose]()
    },
  }
}
