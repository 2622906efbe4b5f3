import { type Clock, startLoop } from '#ports/clock'
import type { Database } from '#ports/database'
import { BrokerBusy, BrokerUnavailable, checkSize, type NewMessage, waitingMax } from '../broker.ts'

/** Limits of one insert. */
const messagesPerInsertMax = 1000
const bytesPerInsertMax = 4 * 1024 * 1024
/** On closing, what waits is still published for this long. */
const closeWithinMs = 5_000

export type Publisher = AsyncDisposable & { publish(messages: readonly NewMessage[]): Promise<void> }

type Waiting = {
  topics: string[]
  payloads: string[]
  bytes: number
  resolve(): void
  reject(error: unknown): void
}

const insert = `
WITH new AS (
  INSERT INTO broker.messages (topic, payload)
  SELECT topic, payload::json FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS m (topic, payload, place) ORDER BY place
  RETURNING id, topic)
INSERT INTO broker.deliveries (queue, message_id)
SELECT b.queue, new.id FROM new JOIN broker.bindings b ON b.topic = new.topic`

/**
 * Inserts messages, with their deliveries to the queues bound at that moment. What was asked for while one insert was in
 * flight rides together in the next, so the publisher's order is kept and many callers cost few commits.
 * @param onPublished called after each commit
 */
export function startPublisher(database: Database, clock: Clock, onPublished: () => void): Publisher {
  const queue: Waiting[] = []
  let waiting = 0
  let closed = false

  const loop = startLoop({
    clock,
    work: async () => {
      const batch = takeBatch(queue)
      if (batch.length === 0) return 'done'
      waiting -= batch.reduce((sum, each) => sum + each.topics.length, 0)
      try {
        await database.execute(insert, [
          batch.flatMap((each) => each.topics),
          batch.flatMap((each) => each.payloads),
        ])
        for (const each of batch) each.resolve()
        onPublished()
      } catch (error) {
        for (const each of batch) each.reject(error)
      }
      return queue.length > 0 ? 'more' : 'done'
    },
  })

  return {
    async publish(messages) {
      if (messages.length === 0) return
      if (closed) throw new BrokerUnavailable('the broker is closed')
      if (waiting + messages.length > waitingMax)
        throw new BrokerBusy(`${waiting} messages wait to be published`)
      const topics = messages.map((message) => message.topic)
      const payloads = messages.map((message) => JSON.stringify(message.payload) ?? 'null')
      for (const [i, payload] of payloads.entries()) checkSize(topics[i] ?? '', Buffer.byteLength(payload))
      const bytes = payloads.reduce((sum, payload) => sum + payload.length, 0)
      waiting += messages.length
      await new Promise<void>((resolve, reject) => {
        queue.push({ topics, payloads, bytes, resolve, reject })
        loop.wake()
      })
    },
    async [Symbol.asyncDispose]() {
      closed = true
      const giveUpMs = clock.monotonicMs() + closeWithinMs
      while (queue.length > 0 && clock.monotonicMs() < giveUpMs) await clock.sleep(5)
      await loop[Symbol.asyncDispose]()
      for (const each of queue.splice(0)) each.reject(new BrokerUnavailable('the broker was closed'))
    },
  }
}

/** The head of the queue up to the limits, and one entry at least, however large it is. */
function takeBatch(queue: Waiting[]): Waiting[] {
  let count = 0
  let messages = 0
  let bytes = 0
  for (const each of queue) {
    messages += each.topics.length
    bytes += each.bytes
    if (count > 0 && (messages > messagesPerInsertMax || bytes > bytesPerInsertMax)) break
    count++
  }
  return queue.splice(0, count)
}
